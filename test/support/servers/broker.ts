/**
 * One server of each kind for a whole run. The run's first process owns them; test files, which run in other processes,
 * ask it over a socket in the run's folder. A server is started when the first one asks.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { leaveRunFolder, runFolder } from './run-folder';
import type { RunningServer, ServerKind } from './server-kind';
import { startServer } from './servers';

/** What one that asks is answered. */
export type BrokerAnswer = { readonly url: string } | { readonly error: string };

/** Starts servers on demand and stops them all. */
export class Broker {
  /** Where to ask. */
  readonly socket: string;
  private readonly started = new Map<ServerKind, Promise<RunningServer>>();
  private readonly listener: Server;

  constructor(
    private readonly start: (kind: ServerKind) => Promise<RunningServer> = startHere,
    name = 'broker',
  ) {
    this.socket = path.join(runFolder(), name);
    this.listener = createServer((client) => this.serve(client));
  }

  /** Resolves when it can be asked. Keeps no process alive. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.listener.once('error', reject).listen(this.socket, resolve);
    });
    this.listener.unref();
  }

  /** Stops every server that was started, and removes what they left. */
  async stop(): Promise<void> {
    await new Promise((resolve) => this.listener.close(resolve));
    const running = await Promise.allSettled(this.started.values());
    const servers = running.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    await Promise.all(servers.map((server) => server.stop()));
    leaveRunFolder();
  }

  private serve(client: Socket): void {
    client.on('error', () => undefined);
    client.once('data', (data) => {
      void this.answer(data.toString().trim() as ServerKind).then((answer) =>
        client.end(JSON.stringify(answer)),
      );
    });
  }

  private async answer(kind: ServerKind): Promise<BrokerAnswer> {
    const server = this.started.get(kind) ?? this.start(kind);
    this.started.set(kind, server);
    try {
      return { url: (await server).url };
    } catch (error) {
      return { error: String(error) };
    }
  }
}

async function startHere(kind: ServerKind): Promise<RunningServer> {
  const server = await startServer(kind, { folder: runFolder() });
  if ('missing' in server) throw new Error(`no ${kind}: ${server.missing.join('; ')}`);
  return server;
}

/** Asks for a server; it is running when this resolves with its URL. Rejects where it could not be started. */
export async function askBroker(socket: string, kind: ServerKind): Promise<string> {
  const text = await new Promise<string>((resolve, reject) => {
    let answer = '';
    const client = createConnection(socket, () => client.write(`${kind}\n`));
    client.on('data', (data) => (answer += data.toString()));
    client.once('error', reject).once('end', () => resolve(answer));
  });
  const answer = JSON.parse(text) as BrokerAnswer;
  if ('error' in answer) throw new Error(answer.error);
  return answer.url;
}
