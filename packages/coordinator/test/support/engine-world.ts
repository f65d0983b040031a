import {
  type BranchId,
  type BranchSpec,
  type Gid,
  type GlobalTransaction,
  type OperatorEvent,
  type Opening,
  type RunId,
  type TryOutcome,
} from '@tercet/core';
import { ManualTime, SeededRandom, aBranchSpec, anOpening } from '@tercet/core/testing';
import { Engine, type EngineLimits } from '../../src/engine/engine';
import type { CoordinatorInterceptor } from '../../src/engine/interceptors';
import { FaultyStore } from '../../src/testing/faulty-store';
import { MemoryStore } from '../../src/store/memory-store';
import { RecordingLogger } from './recording-logger';
import { ScriptedCaller } from './scripted-caller';

/** The run of all tests that need only one. */
export const run = '0123456789abcdef0123456789abcdef' as RunId;
/** Another run. */
export const otherRun = 'fedcba9876543210fedcba9876543210' as RunId;

/** Limits that no ordinary test meets. */
export const roomyLimits: EngineLimits = {
  batchOperationsMax: 512,
  batchBytesMax: 8 * 1024 * 1024,
  queueOperationsMax: 20_000,
  queueBytesMax: 64 * 1024 * 1024,
  targetConcurrencyMax: 1_000,
  targetUnfinishedMax: 100_000,
  undecidedMax: 100_000,
  residentMax: 100_000,
  payloadCacheBytesMax: 64 * 1024 * 1024,
};

/** Branch specs with the given ids. */
export function branches(...ids: string[]): BranchSpec[] {
  return ids.map((id) => aBranchSpec({ id: id as BranchId }));
}

/** A whole engine under a virtual clock, on a memory store that can be made to fail. */
export class EngineWorld {
  readonly time = new ManualTime();
  readonly memory = new MemoryStore();
  readonly store = new FaultyStore(this.memory);
  readonly logger = new RecordingLogger();
  readonly troubles: (string | undefined)[] = [];
  caller = new ScriptedCaller();
  engine: Engine;
  private lives = 0;

  constructor(
    private readonly limits: Partial<EngineLimits> = {},
    private readonly interceptors: readonly CoordinatorInterceptor[] = [],
  ) {
    this.engine = this.newEngine();
  }

  /** Opens the store and starts the engine. */
  async start(): Promise<{ readonly resumed: number }> {
    await this.store.open(`life-${this.lives}`);
    const starting = this.engine.start();
    await this.time.settle();
    return await starting;
  }

  /** Kills the engine without a goodbye and starts another one on what the store has. */
  async crash(): Promise<{ readonly resumed: number }> {
    const dead = this.engine;
    this.caller = new ScriptedCaller();
    this.engine = this.newEngine();
    await this.memory.close();
    void dead;
    return await this.start();
  }

  /** Settles everything that is ready while `work` is under way, and returns its result. */
  async done<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined);
    await this.time.settle();
    return await work;
  }

  /** Opens a transaction with branches and waits until it is durable. */
  open(
    gid: string,
    specs: readonly BranchSpec[],
    over: Partial<Opening> = {},
  ): Promise<GlobalTransaction> {
    return this.done(this.register(gid, specs, { opening: anOpening(over) }));
  }

  /** Submits a registration without waiting. */
  register(
    gid: string,
    specs: readonly BranchSpec[],
    more: { opening?: Opening; runId?: RunId; expiresAt?: number } = {},
  ): Promise<GlobalTransaction> {
    const { opening, runId = run, expiresAt } = more;
    return this.engine.submit(
      gid as Gid,
      { kind: 'register', runId, opening, branches: specs },
      { expiresAt },
    );
  }

  /** Submits a commit without waiting. */
  commit(gid: string, ...ids: string[]): Promise<GlobalTransaction> {
    return this.engine.submit(gid as Gid, {
      kind: 'commit',
      runId: run,
      branchIds: ids as BranchId[],
    });
  }

  /** Submits a rollback without waiting; `tries` tells the outcomes. */
  rollback(gid: string, tries: Record<string, TryOutcome> = {}): Promise<GlobalTransaction> {
    return this.engine.submit(gid as Gid, {
      kind: 'rollback',
      runId: run,
      reason: 'because',
      tries: new Map(Object.entries(tries)) as Map<BranchId, TryOutcome>,
    });
  }

  /** Gives an operator's order without waiting. */
  operate(gid: string, event: OperatorEvent): ReturnType<Engine['operate']> {
    return this.engine.operate(gid as Gid, event);
  }

  /** Resolves with what an operator's order changed, once it is durable. */
  async ordered(gid: string, event: OperatorEvent): Promise<readonly string[]> {
    const order = this.operate(gid, event);
    order.catch(() => undefined);
    await this.time.settle();
    await this.time.advance(20);
    return (await order).changed;
  }

  /** What the store holds, read past the faults. */
  stored(gid: string): Promise<GlobalTransaction | undefined> {
    return this.memory.load(gid as Gid);
  }

  private newEngine(): Engine {
    this.lives++;
    return new Engine({
      store: this.store,
      caller: this.caller,
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(this.lives),
      logger: this.logger,
      limits: { ...roomyLimits, ...this.limits },
      clockSkewMs: 5_000,
      nodeTtlMs: 10_000,
      interceptors: this.interceptors,
      incarnation: `life-${this.lives}`,
      onTrouble: (trouble) => this.troubles.push(trouble?.message),
    });
  }
}
