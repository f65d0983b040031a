/**
 * A Galera cluster of three MariaDB nodes of this machine's own programs, on loopback only.
 *
 * All three start at once, each with the files that the nodes of a cluster leave behind when they all end: equal data, and
 * the view they last had. They find each other, see that nobody is behind, and go on. So no state is sent at the start,
 * which would take many seconds for each node. A node that was killed does get it sent when it comes back.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { binary } from './binaries';
import { freePorts, type NodePorts } from './local-galera-ports';
import { provider } from './local-galera-programs';
import {
  dataFolder,
  LocalProcess,
  removeFolder,
  serverUser,
  type SystemUser,
} from './local-process';
import type { ServerOptions } from './server-kind';

/** How many nodes: two of them are a majority. */
const size = 3;
/** How often a cluster is started where others took its ports. */
const tries = 3;

/** What all nodes of a cluster share. */
interface Shared {
  readonly folder: string;
  readonly user: SystemUser | undefined;
  readonly durable: boolean;
  readonly ports: readonly NodePorts[];
}

/** One node. */
export class GaleraNode {
  /** `mysql://root@127.0.0.1:port/`; the same after it was killed and started again. */
  readonly url: string;
  private process: LocalProcess | undefined;

  constructor(
    private readonly shared: Shared,
    private readonly index: number,
  ) {
    this.url = `mysql://root@127.0.0.1:${this.ports.sql}/`;
  }

  /** Whether it was started, and not killed since. */
  get isRunning(): boolean {
    return this.process !== undefined;
  }

  /** Starts it, the first time or again. It may still be without its cluster when this returns: see {@link ready}. */
  start(): void {
    this.process ??= new LocalProcess({
      command: binary('mariadbd'),
      args: flags(this.shared, this.index),
      endSignal: 'KILL',
      logFile: path.join(this.shared.folder, `log-${this.index}`),
    });
  }

  /** Resolves when it is in step with a cluster of `members` nodes. Rejects with its last output after a minute. */
  async ready(members: number): Promise<void> {
    if (this.process === undefined) throw new Error(`node ${this.index} is not started`);
    await this.process.answers(async () => {
      const state = await this.state();
      const isIn = state.members === members && state.comment === 'Synced' && state.isReady;
      if (!isIn) throw new Error(JSON.stringify(state));
    });
  }

  /** Ends it with SIGKILL; its data stays. Resolves when it is gone. */
  async kill(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    await process?.stop();
  }

  /** How it sees its cluster. Rejects where it does not answer. */
  async state(): Promise<{ members: number; comment: string; isReady: boolean }> {
    const status = await this.status();
    return {
      members: Number(status.get('wsrep_cluster_size')),
      comment: status.get('wsrep_local_state_comment') ?? '',
      isReady: status.get('wsrep_ready') === 'ON',
    };
  }

  /** Its counters and states, by name: `wsrep_…`. */
  async status(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.query("SHOW GLOBAL STATUS LIKE 'wsrep%'");
    return new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]));
  }

  /** Runs one statement on a connection of its own. */
  async query(sql: string): Promise<readonly RowDataPacket[]> {
    const connection = await createConnection(this.url);
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await connection.end();
    }
  }

  private get ports(): NodePorts {
    const ports = this.shared.ports[this.index];
    if (ports === undefined) throw new Error(`there is no node ${this.index}`);
    return ports;
  }
}

/** The cluster. Who starts one stops it. */
export class GaleraCluster {
  private constructor(
    private readonly folder: string,
    readonly nodes: readonly [GaleraNode, GaleraNode, GaleraNode],
  ) {}

  /** Resolves when all nodes are in step. */
  static async start(options: ServerOptions = {}): Promise<GaleraCluster> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await GaleraCluster.startOnce(options);
      } catch (error) {
        if (attempt === tries) throw error;
      }
    }
  }

  private static async startOnce(options: ServerOptions): Promise<GaleraCluster> {
    const user = serverUser('mysql');
    const folder = dataFolder('galera', options, user);
    const durable = options.durable === true;
    const shared: Shared = { folder, user, durable, ports: await freePorts(size) };
    const node = (index: number): GaleraNode => new GaleraNode(shared, index);
    const cluster = new GaleraCluster(folder, [node(0), node(1), node(2)]);
    try {
      makeData(shared);
      for (const member of cluster.nodes) member.start();
      await cluster.ready();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Starts every node that was killed. Resolves when all are in step. */
  async heal(): Promise<void> {
    for (const node of this.nodes) node.start();
    await this.ready();
  }

  /** The sum of a counter over the running nodes. */
  async sum(counter: string): Promise<number> {
    const running = this.nodes.filter(({ isRunning }) => isRunning);
    const all = await Promise.all(running.map((node) => node.status()));
    return all.reduce((sum, status) => sum + Number(status.get(counter)), 0);
  }

  /** Ends all nodes and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    removeFolder(this.folder);
  }

  private async ready(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.ready(size)));
  }
}

/** Equal data directories, as of three nodes that have ended together. */
function makeData(shared: Shared): void {
  const first = dataOf(shared, 0);
  run(binary('mariadb-install-db'), [
    '--no-defaults',
    `--datadir=${first}`,
    ...asUser(shared),
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...small,
  ]);
  const rest = shared.ports.slice(1).map((_, i) => dataOf(shared, i + 1));
  for (const folder of rest) run('cp', ['-Rp', first, folder]);
  const [state, views] = [randomUUID(), shared.ports.map(() => randomUUID()).sort()];
  [first, ...rest].forEach((folder, i) => {
    save(shared, path.join(folder, 'grastate.dat'), [
      '# GALERA saved state',
      'version: 2.1',
      `uuid:    ${state}`,
      'seqno:   0',
      'safe_to_bootstrap: 0',
    ]);
    save(shared, path.join(folder, 'gvwstate.dat'), [
      `my_uuid: ${views[i]}`,
      '#vwbeg',
      `view_id: 3 ${views[0]} 1`,
      'bootstrap: 0',
      ...views.map((view) => `member: ${view} 0`),
      '#vwend',
    ]);
  });
}

function save({ user }: Shared, file: string, lines: readonly string[]): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join('\n')}\n`);
  if (user !== undefined) chownSync(file, user.uid, user.gid);
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

function dataOf({ folder }: Shared, index: number): string {
  return path.join(folder, `data-${index}`);
}

function asUser({ user }: Shared): readonly string[] {
  return user === undefined ? [] : [`--user=${user.name}`];
}

/** What is copied three times, and sent to a node that comes back. */
const small = ['--innodb-log-file-size=16M'];

function flags(shared: Shared, index: number): readonly string[] {
  const { folder, ports } = shared;
  const mine = ports[index];
  const members = ports.map(({ group }) => `127.0.0.1:${group}`);
  return [
    '--no-defaults',
    `--datadir=${dataOf(shared, index)}`,
    `--socket=${path.join(folder, `socket-${index}`)}`,
    `--pid-file=${path.join(folder, `pid-${index}`)}`,
    `--port=${mine?.sql}`,
    ...asUser(shared),
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--max-connections=200',
    '--character-set-server=utf8mb4',
    '--innodb-buffer-pool-size=32M',
    ...small,
    '--performance-schema=OFF',
    '--skip-log-bin',
    ...(shared.durable
      ? []
      : ['--innodb-flush-log-at-trx-commit=0', '--innodb-flush-method=nosync']),
    '--binlog-format=ROW',
    '--innodb-autoinc-lock-mode=2',
    '--wsrep-on=ON',
    `--wsrep-provider=${provider()}`,
    '--wsrep-cluster-name=tercet-test',
    `--wsrep-cluster-address=gcomm://${members.join(',')}`,
    `--wsrep-node-name=node-${index}`,
    `--wsrep-node-address=127.0.0.1:${mine?.group}`,
    '--wsrep-slave-threads=2',
    '--wsrep-sst-method=rsync',
    `--wsrep-sst-receive-address=127.0.0.1:${mine?.snapshot}`,
    `--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:${mine?.group};ist.recv_addr=127.0.0.1:${mine?.changes};gcache.size=32M`,
  ];
}
