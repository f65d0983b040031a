/** Several coordinators on one database, each in a process of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStore } from '../configurations';
import { BenchProcess } from '../processes/bench-process';
import type { ServerCalls } from '../processes/calls';
import type { World } from '../stage';

/** How often the database is asked whether something has happened. */
const LOOK_EVERY_MS = 100;

/** A running coordinator. */
export interface Node {
  readonly process: BenchProcess<'coordinator'>;
  readonly address: string;
}

/** An empty database, and the processes that a measurement started around it. */
export class SharedStore {
  private readonly started: { end(): Promise<void> }[] = [];

  private constructor(
    private readonly world: World,
    private readonly store: ServerStore,
    private readonly url: string,
  ) {}

  /** Runs `act` on a new one, and takes everything down whatever happens. */
  static async with<T>(
    world: World,
    store: ServerStore,
    act: (shared: SharedStore) => Promise<T>,
  ): Promise<T> {
    const database = await world.servers.of(store)?.ask('database');
    const shared = new SharedStore(world, store, database?.url ?? '');
    try {
      return await act(shared);
    } finally {
      await Promise.all(shared.started.map((one) => one.end()));
      await world.servers.of(store)?.ask('drop');
    }
  }

  /** Starts a coordinator; resolves when it is ready. */
  async node(nodeTtlMs?: number): Promise<Node> {
    const process = this.keep(new BenchProcess('coordinator', this.world.profileFolder));
    const { address } = await process.ask('start', {
      store: this.store,
      place: this.url,
      deliver: 'auto',
      ...(nodeTtlMs === undefined ? {} : { nodeTtlMs }),
    });
    return { process, address };
  }

  /** Starts a load that reaches these coordinators, one at a time, and these participants in turn. */
  async load(nodes: readonly Node[], targets: readonly string[]): Promise<BenchProcess<'load'>> {
    const load = this.keep(new BenchProcess('load', this.world.profileFolder));
    await load.ask('connect', {
      variant: 'streams',
      until: 'executed',
      branches: 2,
      coordinator: nodes.map(({ address }) => address).join(','),
      targets,
      timedFrom: 'begin',
    });
    return load;
  }

  /** Asks the database behind the coordinators' backs. */
  async query(sql: string): Promise<ServerCalls['query']['tell']> {
    return (await this.world.servers.of(this.store)?.ask('query', sql)) ?? [];
  }

  /** How many transactions are unfinished; `where` narrows it. */
  async unfinished(where = 'TRUE'): Promise<number> {
    const from = 'FROM transactions WHERE open_owner IS NOT NULL';
    const [row] = await this.query(`SELECT COUNT(*) AS rows_found ${from} AND ${where}`);
    return Number(row?.['rows_found']);
  }

  /** Waits until so few are unfinished; how long that took, milliseconds. Rejects when the time is over. */
  async settled(
    left: number,
    options: { readonly where?: string; readonly withinMs: number },
  ): Promise<number> {
    const from = performance.now();
    for (;;) {
      const unfinished = await this.unfinished(options.where);
      const tookMs = performance.now() - from;
      if (unfinished <= left) return tookMs;
      if (tookMs > options.withinMs) {
        throw new Error(`${unfinished - left} are unfinished after ${Math.round(tookMs)} ms`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  private keep<P extends { end(): Promise<void> }>(process: P): P {
    this.started.push(process);
    return process;
  }
}
