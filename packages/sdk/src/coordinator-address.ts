import { ConfigError } from './errors';
import { kindOf } from './value-text';

const targetPattern = /^(dns|ipv4|ipv6|unix):./;
const hostPortPattern = /^(\[[0-9a-fA-F:.%]+\]|[^\s:/[\]]+):([0-9]{1,5})$/;

/**
 * Checks the address of a coordinator. A URL is no gRPC target, and a host without a port would quietly mean port
 * 443. Throws ConfigError naming `option`.
 */
export function checkAddress(option: string, address: unknown): asserts address is string {
  if (typeof address === 'string') {
    if (targetPattern.test(address)) return;
    const port = Number(hostPortPattern.exec(address)?.[2] ?? 0);
    if (port >= 1 && port <= 65_535) return;
  }
  throw new ConfigError(
    `${option} must be host:port or a gRPC target such as dns:///tercet:8420, without http://, got ${shown(address)}`,
    { option },
  );
}

function shown(address: unknown): string {
  return typeof address === 'string' ? JSON.stringify(address) : kindOf(address);
}
