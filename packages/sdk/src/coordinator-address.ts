import { ConfigError } from './errors';
import { kindOf } from './value-text';

const targetPattern = /^(dns|ipv4|ipv6|unix):./;
/** Schemes whose own syntax has commas; in a host name there is none. */
const withCommas = /^(ipv4|ipv6|unix):/;
const hostPortPattern = /^(\[[0-9a-fA-F:.%]+\]|[^\s:/[\],]+):([0-9]{1,5})$/;

/**
 * Checks the address of a coordinator. A URL is no gRPC target, and a host without a port would quietly mean port
 * 443. Throws ConfigError naming `option`.
 */
export function checkAddress(option: string, address: unknown): asserts address is string {
  if (isAddress(address)) return;
  throw new ConfigError(
    `${option} must be host:port or a gRPC target such as dns:///tercet:8420, without http://, got ${shown(address)}`,
    { option },
  );
}

/**
 * The addresses of one or several coordinators: what {@link checkAddress} accepts, or a comma list of `host:port`.
 * `ipv4:` and `ipv6:` targets have commas of their own and stay one address. Throws ConfigError naming `option`, and the
 * element of a list.
 */
export function coordinatorAddresses(option: string, given: unknown): readonly string[] {
  if (typeof given === 'string' && given.includes(',') && !withCommas.test(given)) {
    const elements = given.split(',').map((element) => element.trim());
    for (const element of elements) checkElement(option, element, given);
    return [...new Set(elements)];
  }
  checkAddress(option, given);
  return [given];
}

function checkElement(option: string, element: string, list: string): void {
  if (isHostPort(element)) return;
  throw new ConfigError(
    `${option}: each element of a comma list must be host:port, got ${shown(element)} in ${shown(list)}`,
    { option },
  );
}

function isAddress(address: unknown): boolean {
  if (typeof address !== 'string') return false;
  if (!targetPattern.test(address)) return isHostPort(address);
  return withCommas.test(address) || !address.includes(',');
}

function isHostPort(address: string): boolean {
  const port = Number(hostPortPattern.exec(address)?.[2] ?? 0);
  return port >= 1 && port <= 65_535;
}

function shown(address: unknown): string {
  return typeof address === 'string' ? JSON.stringify(address) : kindOf(address);
}
