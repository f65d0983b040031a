/** `tercet server`: settings → coordinator → signals. The only reader of the process besides the CLI. */
import { type TercetError, toTercetError } from '@tercet/core';
import type { Config } from './config/fields';
import { resolveConfig } from './config/resolve-config';
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
  const config = resolveConfig({ flags: options.flags, env: options.env });
  if (!options.env['GRPC_VERBOSITY']) silenceGrpcLog();
  const coordinator = new Coordinator({ config, logger: pinoLogger(config.logLevel) });
  const ended = new Promise<string>((resolve) => options.onSignal(resolve));
  const started = await startOrExplain(coordinator);
  for (const line of banner(config, started)) options.print(line);
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

function banner(config: Config, started: Started): string[] {
  const host = (address: string): string => address.slice(0, address.lastIndexOf(':'));
  const store =
    config.store === 'memory'
      ? 'memory (a restart forgets everything)'
      : `sqlite in ${config.dataDir}`;
  return [
    'Tercet coordinator is ready',
    `  gRPC   ${host(config.grpcAddress)}:${started.grpcPort}`,
    `  HTTP   ${started.httpPort === undefined ? 'off' : `${host(config.httpAddress)}:${started.httpPort}  (/healthz, /readyz)`}`,
    `  store  ${store}`,
    ...(started.resumed > 0 ? [`  resumed ${started.resumed} unfinished transactions`] : []),
    ...(config.insecure
      ? ['  insecure: no TLS and no authentication, anyone who reaches these ports may use them']
      : []),
    'Next: tercet stuck, tercet tx list, tercet health',
  ];
}
