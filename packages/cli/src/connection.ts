/** Which coordinator a command asks, and how long it waits. */
import { parseDuration } from '@tercet/core';
import type { OperatorClient } from '@tercet/sdk/operator';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliDeps } from './cli-deps';
import { UsageError } from './usage-error';

const ADDRESS_DEFAULT = '127.0.0.1:8420';

const PORT_MAX = 65_535;

/** A name, an IPv4 address, or an IPv6 address in brackets. */
const HOST_PORT = /^(?:[^\s:/[\]]+|\[[0-9a-f:.]+(?:%[^\s\]]+)?\]):([0-9]{1,5})$/i;

/** What gRPC resolves itself: `dns:///tercet:8420`, `unix:/run/tercet.sock`. */
const GRPC_TARGET = /^(?:dns|ipv4|ipv6|unix):./i;

const TIMEOUT_DEFAULT = '10s';
const TIMEOUT_MS_MAX = 3_600_000;

/** What `withConnection` parses. */
export interface ConnectionFlags {
  readonly address?: string;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Adds `--address` and `--timeout`. */
export function withConnection(command: Command): Command {
  return command
    .option(
      '--address <host:port>',
      `coordinator to ask (env: TERCET_ADDRESS, default: ${ADDRESS_DEFAULT})`,
    )
    .addOption(
      new Option('--timeout <duration>', 'longest wait for the answer, such as 500ms or 2s')
        .argParser(parseTimeout)
        .default(parseTimeout(TIMEOUT_DEFAULT), TIMEOUT_DEFAULT),
    );
}

/** Flag, then environment, then default. */
export function addressOf(flags: ConnectionFlags, env: CliDeps['env']): string {
  if (flags.address !== undefined) return checkedAddress('--address', flags.address);
  const fromEnv = env['TERCET_ADDRESS'] ?? '';
  return fromEnv === '' ? ADDRESS_DEFAULT : checkedAddress('TERCET_ADDRESS', fromEnv);
}

/** gRPC would take a name without a port for one on port 443, and wait there for an answer. */
function checkedAddress(source: string, address: string): string {
  if (GRPC_TARGET.test(address)) return address;
  const [, port] = HOST_PORT.exec(address) ?? [];
  if (port !== undefined && Number(port) >= 1 && Number(port) <= PORT_MAX) return address;
  throw new UsageError(
    `${source} must be host:port, such as ${ADDRESS_DEFAULT}, got ${JSON.stringify(address)}`,
    'give the gRPC address that `tercet server` prints',
  );
}

/** Opens a client, uses it, and closes it whatever happened. */
export async function withOperator<T>(
  flags: ConnectionFlags,
  deps: CliDeps,
  use: (client: OperatorClient) => Promise<T>,
): Promise<T> {
  const address = addressOf(flags, deps.env);
  const { createOperatorClient } = deps.loadOperator();
  const client = createOperatorClient({ address, timeout: flags.timeout });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

function parseTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1 && ms <= TIMEOUT_MS_MAX) return ms;
  throw new InvalidArgumentError('It must be a duration from 1ms to 1h, such as 500ms, 2s or 1m.');
}
