/** A database server of a test's own that can be killed and started again on what it has written. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterTest } from './clean-up';
import { binary } from './servers/binaries';
import {
  LocalProcess,
  type SystemUser,
  dataFolder,
  freePort,
  removeFolder,
  serverUser,
} from './servers/local-process';

/** What can be restarted: programs of this machine. */
export type RestartingKind = 'mariadb' | 'postgres';

interface Program {
  readonly user: SystemUser | undefined;
  readonly folder: string;
  start(port: number): LocalProcess;
  ping(port: number): Promise<void>;
}

/** The server. It flushes at every commit: being killed costs it nothing. */
export class RestartingServer {
  private constructor(
    private readonly kind: RestartingKind,
    private readonly program: Program,
    private port: number,
    private process: LocalProcess,
  ) {}

  /** Of an empty database. */
  get url(): string {
    const user = this.kind === 'mariadb' ? 'mysql://root' : 'postgres://postgres';
    return `${user}@127.0.0.1:${this.port}/tercet`;
  }

  /** Starts one; it goes after the test. */
  static async start(kind: RestartingKind): Promise<RestartingServer> {
    const program = await (kind === 'mariadb' ? mariadb() : postgres());
    const port = await freePort();
    const process = program.start(port);
    afterTest(() => removeFolder(program.folder));
    const server = new RestartingServer(kind, program, port, process);
    afterTest(() => server.kill());
    await process.answers(() => program.ping(port));
    await createDatabase(kind, port);
    return server;
  }

  /** Ends it as a power cut does, save that what was flushed is there. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.process.stop();
  }

  /** Starts it again after `kill`. Resolves when it answers. */
  async restart(): Promise<void> {
    this.process = this.program.start(this.port);
    await this.process.answers(() => this.program.ping(this.port));
  }

  /** Starts another one after `kill`, at another address, on what the first one has written: `url` is another one then. */
  async restartElsewhere(): Promise<void> {
    this.port = await freePort();
    await this.restart();
  }
}

async function mariadb(): Promise<Program> {
  const user = serverUser('mysql');
  const folder = dataFolder('mariadb', {}, user);
  const asUser = user === undefined ? [] : [`--user=${user.name}`];
  const data = `--datadir=${path.join(folder, 'data')}`;
  made('mariadb-install-db', [
    '--no-defaults',
    data,
    ...asUser,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  const args = [
    '--no-defaults',
    data,
    `--socket=${path.join(folder, 'socket')}`,
    `--pid-file=${path.join(folder, 'pid')}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--innodb-flush-log-at-trx-commit=1',
    ...asUser,
  ];
  const logFile = path.join(folder, 'log');
  return {
    user,
    folder,
    start: (port) =>
      new LocalProcess({
        command: binary('mariadbd'),
        args: [...args, `--port=${port}`],
        endSignal: 'KILL',
        logFile,
      }),
    ping: async (port) => {
      const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
      await connection.end();
    },
  };
}

async function postgres(): Promise<Program> {
  const user = serverUser('postgres');
  const folder = dataFolder('postgres', {}, user);
  const data = path.join(folder, 'data');
  made('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'], user);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=on'];
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const logFile = path.join(folder, 'log');
  return {
    user,
    folder,
    start: (port) =>
      new LocalProcess({
        command: binary('postgres'),
        args: [...args, '-p', `${port}`],
        user,
        endSignal: 'QUIT',
        logFile,
      }),
    ping: async (port) => {
      const client = await postgresClient(port);
      await client.end();
    },
  };
}

function made(name: string, args: readonly string[], user?: SystemUser): void {
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const { status, stderr } = spawnSync(binary(name), [...args], {
    encoding: 'utf8',
    cwd: '/',
    ...as,
  });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
}

async function createDatabase(kind: RestartingKind, port: number): Promise<void> {
  if (kind === 'mariadb') {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
    await connection.query('CREATE DATABASE tercet');
    await connection.end();
    return;
  }
  const client = await postgresClient(port);
  await client.query('CREATE DATABASE tercet');
  await client.end();
}

async function postgresClient(port: number): Promise<Client> {
  const client = new Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
