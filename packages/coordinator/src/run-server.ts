/** `tercet server`: settings → coordinator → signals. The only reader of the process besides the CLI. */
import { type TercetError, toTercetError } from '@tercet/core';
import { type Config, configFields } from './config/fields';
import { loadConfig } from './config/load-config';
import { folderOf, isServer, shownStore } from './config/store-setting';
import { Coordinator, type Started } from './coordinator';
import { silenceGrpcLog } from './transport/grpc/grpc-log';
import { pinoLogger } from './observability/pino-logger';

/** What the command hands over. */
export interface RunServerOptions {
  /** Flags by their name without dashes; a flag without a value is `'true'`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints one line for the person who started it. */
  readonly print: (line: string) => void;
  /** Calls `stop` at SIGTERM and SIGINT. */
  readonly onSignal: (stop: (signal: string) => void) => void;
}

/**
 * Runs a coordinator until a signal ends it; resolves when it has stopped. Rejects with a TercetError
 * (CONFIG_INVALID, STORE_IN_USE, ADDRESS_IN_USE, …) when it cannot start.
 */
export async function runServer(options: RunServerOptions): Promise<void> {
  const { config, file } = await loadConfig({ flags: options.flags, env: options.env });
  if (!options.env['GRPC_VERBOSITY']) silenceGrpcLog();
  const coordinator = new Coordinator({ config, logger: pinoLogger(config.logLevel) });
  const ended = new Promise<string>((resolve) => options.onSignal(resolve));
  const started = await startOrExplain(coordinator);
  for (const line of banner(config, started, file)) options.print(line);
  const signal = await ended;
  options.print(`${signal}: stopping, at most ${config.shutdownGraceMs / 1_000} s`);
  await coordinator.stop();
  options.print('stopped');
}

async function startOrExplain(coordinator: Coordinator): Promise<Started> {
  try {
    return await coordinator.start();
  } catch (error) {
    const known: TercetError = toTercetError(error);
    throw known.code === 'INTERNAL' ? error : known;
  }
}

function banner(config: Config, started: Started, file: string | undefined): string[] {
  const host = (address: string): string => address.slice(0, address.lastIndexOf(':'));
  const store = storeLine(config);
  const address = `${host(config.grpcAddress)}:${started.grpcPort}`;
  const option = addressOption(host(config.grpcAddress), started.grpcPort);
  const next = ['tercet stuck', 'tercet tx list', 'tercet health'].map((line) => line + option);
  return [
    // In front: whoever waits for the ready line knows by then what is left of the last run.
    ...(started.resumed > 0 ? [resumedLine(started.resumed)] : []),
    'Tercet coordinator is ready',
    `  gRPC   ${address}`,
    `  HTTP   ${started.httpPort === undefined ? 'off' : `${host(config.httpAddress)}:${started.httpPort}  (/healthz, /readyz)`}`,
    `  store  ${store}`,
    ...(file === undefined ? [] : [`  config ${file}`]),
    ...(config.insecure
      ? ['  insecure: no TLS and no authentication, anyone who reaches these ports may use them']
      : []),
    `Next: ${next.join(', ')}`,
    'Ctrl-C stops it.',
  ];
}

function storeLine({ store, dataDir, unsafeStore }: Config): string {
  if (store === 'memory') return 'memory (a restart forgets everything)';
  if (!isServer(store)) return `sqlite in ${folderOf(store, dataDir)}`;
  return `${shownStore(store)}${unsafeStore ? ' (unsafe: its settings are not checked)' : ''}`;
}

/** What a command must be told to find this coordinator: nothing where it listens on the default address. */
function addressOption(host: string, port: number): string {
  // All interfaces is an address to listen on, none to ask.
  const reachable = host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host;
  const address = `${reachable}:${port}`;
  return address === configFields.grpcAddress.default ? '' : ` --address ${address}`;
}

function resumedLine(count: number): string {
  return `resumed ${count} unfinished ${count === 1 ? 'transaction' : 'transactions'}`;
}
