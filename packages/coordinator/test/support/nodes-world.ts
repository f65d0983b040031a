import type {
  BranchId,
  BranchSpec,
  Gid,
  GlobalTransaction,
  OperatorEvent,
  Opening,
  RunId,
} from '@tercet/core';
import { ManualTime, SeededRandom, anOpening } from '@tercet/core/testing';
import { Engine, type EngineLimits } from '../../src/engine/engine';
import { Lives } from '../../src/engine/lives';
import type { EngineCommands } from '../../src/engine/present-engine';
import { MemoryStore } from '../../src/store/memory-store';
import { SharedMemory } from '../../src/store/shared-memory';
import { StoreFailure, type StoreFailureKind, type StoreOperation } from '../../src/store/store';
import { FaultyStore } from '../../src/testing/faulty-store';
import { roomyLimits, run } from './engine-world';
import { RecordingLogger } from './recording-logger';
import { ScriptedCaller } from './scripted-caller';

/** A store that also counts what is asked of it. */
export class WatchedStore extends FaultyStore {
  /** The kinds of all operations written. */
  readonly written: StoreOperation['kind'][] = [];
  /** How many transactions each call of `loadMany` asked for. */
  readonly looks: number[] = [];

  private claimApplies = false;
  private claimFault: StoreFailureKind | undefined;
  private claimHold: Promise<void> | undefined;
  private openFaults = 0;

  /** Lets the next claim fail; `applied` = its rows are taken, and only the answer is lost. */
  failNextClaim(kind: StoreFailureKind, { applied }: { readonly applied: boolean }): void {
    this.claimFault = kind;
    this.claimApplies = applied;
  }

  /** Holds the answer of the next claim, which is applied at once, until the returned function is called. */
  holdNextClaim(): () => void {
    let release: () => void = () => undefined;
    this.claimHold = new Promise((resolve) => (release = resolve));
    return () => release();
  }

  /** Lets the next openings fail. */
  failNextOpen(count: number): void {
    this.openFaults = count;
  }

  override async claim(limit: number): Promise<readonly GlobalTransaction[]> {
    const { claimFault: fault, claimHold: hold } = this;
    this.claimFault = undefined;
    this.claimHold = undefined;
    if (fault !== undefined && !this.claimApplies) throw new StoreFailure(fault, 'scripted claim');
    const page = await super.claim(limit);
    await hold;
    if (fault !== undefined) throw new StoreFailure(fault, 'scripted claim');
    return page;
  }

  override async open(incarnation: string): Promise<void> {
    if (this.openFaults-- > 0) throw new StoreFailure('unavailable', 'scripted opening');
    await super.open(incarnation);
  }

  override write(batch: readonly StoreOperation[]): ReturnType<FaultyStore['write']> {
    this.written.push(...batch.map(({ kind }) => kind));
    return super.write(batch);
  }

  override loadMany(gids: readonly Gid[]): ReturnType<FaultyStore['loadMany']> {
    this.looks.push(gids.length);
    return super.loadMany(gids);
  }
}

/** One coordinator of several: an engine that goes from life to life on its own store. */
export class TestNode {
  readonly store: WatchedStore;
  readonly logger = new RecordingLogger();
  readonly caller = new ScriptedCaller();
  readonly lives: Lives;
  /** The names that it had, the present one last. */
  readonly names: string[] = [];
  /** Whether it served, each time that this changed. */
  readonly serving: boolean[] = [];

  constructor(
    private readonly world: NodesWorld,
    name: string,
    limits: Partial<EngineLimits> = {},
  ) {
    const { time } = world;
    this.store = new WatchedStore(new MemoryStore({ shared: world.shared }));
    const random = new SeededRandom(name.charCodeAt(0));
    this.lives = new Lives({
      store: this.store,
      scheduler: time,
      random,
      logger: this.logger,
      newIncarnation: () => {
        this.names.push(`${name}-${this.names.length + 1}`);
        return this.name;
      },
      newEngine: (incarnation, onDoubt) =>
        new Engine({
          store: this.store,
          caller: this.caller,
          clock: time,
          scheduler: time,
          random,
          logger: this.logger,
          limits: { ...roomyLimits, ...limits },
          clockSkewMs: 5_000,
          nodeTtlMs: 10_000,
          incarnation,
          onDoubt,
        }),
      onChange: () => this.serving.push(this.lives.present.engine !== undefined),
    });
  }

  /** Its present incarnation. */
  get name(): string {
    return this.names.at(-1) ?? '';
  }

  /** What the services hold. */
  get commands(): EngineCommands {
    return this.lives.present;
  }

  /** The engine of its present life. */
  get engine(): Engine {
    const { engine } = this.lives.present;
    if (engine === undefined) throw new Error('it has no life at the moment');
    return engine;
  }

  /** Opens a transaction, or adds branches to one. */
  register(
    gid: string,
    specs: readonly BranchSpec[],
    over?: Partial<Opening>,
  ): Promise<GlobalTransaction> {
    const opening = over === undefined ? undefined : anOpening(over);
    const event = { kind: 'register', runId: run, opening, branches: specs } as const;
    return this.world.done(this.commands.submit(gid as Gid, event));
  }

  /** Decides confirm. */
  commit(gid: string, ...ids: string[]): Promise<GlobalTransaction> {
    return this.world.done(this.committing(gid, ...ids));
  }

  /** The same, without waiting. */
  committing(gid: string, ...ids: string[]): Promise<GlobalTransaction> {
    const branchIds = ids as BranchId[];
    return this.commands.submit(gid as Gid, { kind: 'commit', runId: run, branchIds });
  }

  /** Decides cancel. */
  rollback(gid: string, runId: RunId = run): Promise<GlobalTransaction> {
    const tries = new Map();
    const event = { kind: 'rollback', runId, reason: 'because', tries } as const;
    return this.world.done(this.commands.submit(gid as Gid, event));
  }

  /** Gives an operator's order, and waits until it is durable. */
  async ordered(gid: string, event: OperatorEvent): Promise<readonly string[]> {
    const order = this.commands.operate(gid as Gid, event);
    order.catch(() => undefined);
    for (let turn = 0; turn < 5; turn++) await this.world.time.advance(20);
    return (await order).changed;
  }

  /** Asks. */
  get(gid: string): Promise<GlobalTransaction> {
    return this.world.done(this.commands.get(gid as Gid));
  }
}

/** Several coordinators on one store, under a virtual clock. */
export class NodesWorld {
  readonly time = new ManualTime();
  readonly shared = new SharedMemory();

  /** A started coordinator. */
  async node(name: string, limits?: Partial<EngineLimits>): Promise<TestNode> {
    const node = new TestNode(this, name, limits);
    await this.done(node.lives.start());
    return node;
  }

  /** Settles everything that is ready, without moving the time, and returns the result of `work`. */
  async done<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined);
    await this.time.settle();
    let over = false;
    const end = (): void => void (over = true);
    work.then(end, end);
    await this.time.settle();
    if (!over) throw new Error('it waits for a timer');
    return await work;
  }

  /** The owner, epoch and status of a row. */
  row(gid: string): { owner: string; epoch: number; status: string } | undefined {
    const row = this.shared.rows.get(gid);
    return row && { owner: row.owner, epoch: row.tx.epoch, status: row.tx.status };
  }
}
