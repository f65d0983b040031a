/**
 * Coordinators in processes of their own that share one database, each by a way of its own that a test can hold. They
 * outlive a test: starting them is most of the work. What a test has ended is started again by the next `whole`.
 */
import { systemRandom, systemScheduler } from '@tercet/runtime';
import { type Tercet, type TercetOptions, createTercet } from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { afterTest } from '../clean-up';
import { ServerProcess } from '../server-process';
import { type Ended, tercetCommand } from '../tercet-command';
import { StorePath } from './store-path';

/** How to start them. */
export interface FleetPlan {
  /** Of the database. */
  readonly url: string;
  readonly count: number;
  /** As `--node-ttl` takes it. */
  readonly ttl: string;
}

/** One coordinator: its address stays the same through all its lives. */
export class FleetNode {
  private process: ServerProcess | undefined;
  private listens = '';

  constructor(
    readonly path: StorePath,
    private readonly ttl: string,
  ) {}

  /** `host:port` of gRPC. */
  get address(): string {
    return this.listens;
  }

  get running(): boolean {
    return this.process !== undefined;
  }

  /** What the present process has logged. */
  get log(): string {
    return this.process?.log ?? '';
  }

  /** Starts its next life; resolves when it is ready. */
  async start(): Promise<void> {
    const flags = ['--store', this.path.url, '--unsafe-store', '--node-ttl', this.ttl];
    const at = this.listens === '' ? '127.0.0.1:0' : this.listens;
    this.process = await ServerProcess.launch('--grpc-address', at, ...flags);
    this.listens = this.process.address;
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.signal(signal);
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    await this.process?.kill();
    this.process = undefined;
  }

  /** Ends it as an operator does; resolves when it is gone. */
  async terminate(): Promise<void> {
    this.process?.signal('SIGTERM');
    await this.process?.ended;
    this.process = undefined;
  }

  /** Runs `tercet` against it. */
  command(...words: readonly string[]): Promise<Ended> {
    return tercetCommand(Number(this.listens.split(':')[1]), ...words);
  }

  /** Resolves when it takes work. */
  async serving(): Promise<void> {
    const client = createOperatorClient({ address: this.listens });
    try {
      await until(async () => {
        const health = await client.health().catch(() => undefined);
        return health?.status === 'serving';
      });
    } finally {
      client.close();
    }
  }
}

/** All of them. */
export class Fleet {
  private constructor(readonly nodes: readonly FleetNode[]) {}

  /** Starts them at once, on an empty database: all of them make its tables. */
  static async start({ url, count, ttl }: FleetPlan): Promise<Fleet> {
    const paths = await Promise.all(Array.from({ length: count }, () => new StorePath(url).open()));
    const fleet = new Fleet(paths.map((path) => new FleetNode(path, ttl)));
    await fleet.whole();
    return fleet;
  }

  /** Starts those that are gone, and lets all of them go on. */
  async whole(): Promise<void> {
    for (const { path } of this.nodes) path.release();
    await Promise.all(
      this.nodes.map(async (node) => {
        node.signal('SIGCONT');
        if (!node.running) await node.start();
        await node.serving();
      }),
    );
  }

  /** Ends all. */
  async end(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await Promise.all(this.nodes.map(({ path }) => path.close()));
  }

  /** By its place. */
  node(place: number): FleetNode {
    const node = this.nodes[place];
    if (node === undefined) throw new Error(`there are only ${this.nodes.length} nodes`);
    return node;
  }

  /** A client that knows all of them and begins with the one at `place`; closed after the test. */
  clientOf(place: number, options: Omit<TercetOptions, 'coordinator'> = {}): Tercet {
    const inTurn = this.nodes.map((_, i) => this.node((place + i) % this.nodes.length).address);
    return aClient(inTurn.join(','), { random: drawingFirst(), ...options });
  }
}

/** Draws the first address of the list, then anything. */
function drawingFirst(): NonNullable<TercetOptions['random']> {
  let drawn = false;
  return {
    bytes: (count) => systemRandom.bytes(count),
    unit: () => {
      if (drawn) return systemRandom.unit();
      drawn = true;
      return 0;
    },
  };
}

/** A client; closed after the test. */
export function aClient(coordinator: string, options: TercetOptions = {}): Tercet {
  const client = createTercet({ ...options, coordinator });
  afterTest(() => client.close());
  return client;
}

/** Resolves once it holds; the test's own time is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(25);
}

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void systemScheduler.after(ms, resolve));
}
