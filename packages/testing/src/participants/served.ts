/** Participants that a test coordinator serves. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock, Scheduler } from '@tercet/core';
import { ConfigError, type TccService } from '@tercet/sdk';
import type { LocalWire } from './local-wire';
import { LocalServer } from './local-server';
import { virtualDeadlines } from './virtual-deadline';

/** A served participant. */
export interface ServedParticipant {
  /** Its address, for `tx.use(definition, { target })`. */
  readonly target: string;
  /** What `addTcc` returned. */
  readonly service: TccService;
  /**
   * Takes no more calls, lets running handlers end, and closes the server. Calls that come later meet nobody. `env.close` does
   * it for all. Repeating is safe.
   */
  close(): Promise<void>;
}

/** What serving needs. */
export interface ServingDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** The machine's timers. */
  readonly real: Scheduler;
  /** Undefined = over sockets. */
  readonly local: LocalWire | undefined;
  /** Real milliseconds that a running handler is given at `close`. */
  readonly patienceMs: number;
}

/** Starts a participant; `add` puts its services on the server. */
export async function serveParticipant(
  { local, ...deps }: ServingDeps,
  port: number,
  add: (server: Server) => TccService,
): Promise<ServedParticipant> {
  if (local === undefined) return overSockets(deps, port, add);
  const server = new LocalServer();
  const service = add(server);
  if (port !== 0 && local.has(`127.0.0.1:${port}`)) throw inUse(port);
  const target = local.add(server, port);
  const stop = async (): Promise<void> => {
    await drained(service, deps);
    local.remove(target);
  };
  return { target, service, close: once(stop) };
}

async function overSockets(
  deps: Omit<ServingDeps, 'local'>,
  port: number,
  add: (server: Server) => TccService,
): Promise<ServedParticipant> {
  const server = new Server({ interceptors: [virtualDeadlines] });
  const service = add(server);
  const bound = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) => {
      if (error === null) resolve(found);
      else reject(inUse(port, error));
    });
  });
  const stop = async (): Promise<void> => {
    await drained(service, deps);
    server.forceShutdown();
  };
  return { target: `127.0.0.1:${bound}`, service, close: once(stop) };
}

/** The virtual clock stands still while it closes: what hangs is left after the patience. */
async function drained(
  service: TccService,
  { real, patienceMs }: Pick<ServingDeps, 'real' | 'patienceMs'>,
): Promise<void> {
  let stop = (): void => undefined;
  const enough = new Promise<void>((resolve) => {
    const timer = real.after(patienceMs, resolve);
    stop = () => timer.cancel();
  });
  await Promise.race([service.drain(), enough]);
  stop();
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

function inUse(port: number, cause?: unknown): ConfigError {
  const why =
    cause instanceof Error ? `: ${cause.message}` : ': another participant is served there';
  return new ConfigError(
    `serve: cannot listen on 127.0.0.1:${port}${why}; port 0 takes a free one`,
    {
      option: 'port',
    },
  );
}
