/** A Redis of this machine's own program that keeps its data through a KILL, for tests that no shared server can bear. */
import path from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { describe, test } from '@jest/globals';
import { binary, missingBinaries } from '../../../../../test/support/servers/binaries';
import {
  dataFolder,
  freePort,
  LocalProcess,
  removeFolder,
} from '../../../../../test/support/servers/local-process';

/** Tests with servers of their own. Skipped where the program is missing, unless TERCET_REQUIRE_SERVERS says otherwise. */
export function describeWithOwnRedis(name: string, body: () => void): void {
  const missing = missingBinaries('redis');
  if (missing.length === 0) {
    describe(name, body);
  } else if (process.env['TERCET_REQUIRE_SERVERS'] === '1') {
    test(name, () => {
      throw new Error(`not installed: ${missing.join(', ')} (TERCET_REQUIRE_SERVERS is set)`);
    });
  } else {
    process.stderr.write(`skipped: ${name}: not installed: ${missing.join(', ')}\n`);
    describe.skip(name, body);
  }
}

/** One server, that writes everything to disk before it answers. */
export class RestartableRedis {
  private readonly folder = dataFolder('redis', {});
  private readonly clients: Redis[] = [];
  private process: LocalProcess | undefined;
  private port = 0;

  constructor(private readonly settings: readonly string[] = []) {}

  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort();
    const started = new LocalProcess({
      command: binary('redis-server'),
      args: [
        ...['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always', ...this.settings],
      ],
      endSignal: 'KILL',
      logFile: path.join(this.folder, 'log'),
    });
    await started.answers(() => this.ask('PING'));
    this.process = started;
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.process?.stop();
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await this.kill();
    removeFolder(this.folder);
  }

  /** A client, closed when the server stops. */
  client(options: RedisOptions = {}): Redis {
    const client = new Redis({ ...this.address, ...options });
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  private get address(): RedisOptions {
    // A client otherwise keeps a timer of two seconds for a connection that is closed already.
    return { host: '127.0.0.1', port: this.port, disconnectTimeout: 10 };
  }

  /** One command on a connection of its own. */
  async ask(command: string, ...args: string[]): Promise<unknown> {
    const client = new Redis({ ...this.address, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }
}
