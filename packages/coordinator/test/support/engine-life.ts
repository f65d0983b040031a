/** One life of a simulated process: its timers, calls, store and hooks. */
import {
  type BranchId,
  type CallReply,
  type Gid,
  type GlobalTransaction,
  type Scheduler,
} from '@tercet/core';
import type { ConnectionState } from '@tercet/runtime';
import type { CoordinatorInterceptor } from '../../src/engine/interceptors';
import type { ParticipantCall, ParticipantCaller } from '../../src/participant/participant-caller';
import type { MemoryStore } from '../../src/store/memory-store';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type OperationResult,
  StoreFailure,
  type StoreOperation,
} from '../../src/store/store';
import { FaultyStore } from '../../src/testing/faulty-store';
import type { Simulation } from './engine-simulation';

const never = new Promise<never>(() => undefined);

/** One life of the process: when it is over, nothing it started answers any more. */
export class Life implements Scheduler, ParticipantCaller {
  over = false;
  /** Calls under way: two of one branch would break F1. */
  private readonly underWay = new Set<string>();

  constructor(readonly sim: Simulation) {}

  after(delayMs: number, work: () => void): { cancel(): void } {
    return this.sim.time.after(delayMs, () => (this.over ? undefined : work()));
  }

  soon(work: () => void): void {
    this.sim.time.soon(() => (this.over ? undefined : work()));
  }

  async call(call: ParticipantCall): Promise<CallReply> {
    const key = `${call.context.gid}/${call.context.branchId}`;
    if (this.underWay.has(key)) this.sim.doubled.push(key);
    this.underWay.add(key);
    const reply = await this.sim.participate(call);
    this.underWay.delete(key);
    return this.over ? await never : reply;
  }

  connection(): ConnectionState {
    return this.sim.healthy || !this.sim.cut ? 'unknown' : 'down';
  }

  /** Nobody is told: the probes alone have to find out. */
  whenReady(): () => void {
    return () => undefined;
  }

  close(): void {}
}

/** Its store: reads fail now and then while the world is ill, and nothing is answered to the dead. */
export class LifeStore extends FaultyStore {
  constructor(
    inner: MemoryStore,
    private readonly life: Life,
  ) {
    super(inner);
  }

  override async write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    if (this.life.over) return await never;
    const results = await super.write(batch);
    return this.life.over ? await never : results;
  }

  override load(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.readIn(() => super.load(gid));
  }

  override loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.readIn(() => super.loadOwned(gid));
  }

  override loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    return this.readIn(() => super.loadPayloads(gid, branchId));
  }

  override due(query: DueQuery): Promise<readonly DuePosition[]> {
    return this.readIn(() => super.due(query));
  }

  private async readIn<T>(work: () => Promise<T>): Promise<T> {
    const { sim } = this.life;
    if (!sim.healthy && sim.chance(0.1)) throw new StoreFailure('unavailable', 'not readable');
    const found = await work();
    return this.life.over ? await never : found;
  }
}

/** Hooks that break in every way they can, but let each call leave in the end. */
export function brokenHooks(sim: Simulation): CoordinatorInterceptor {
  const breaks = (): boolean => !sim.healthy && sim.chance(0.1);
  const told = (_event: unknown, next: () => void): void => {
    if (breaks()) throw new Error('broken hook');
    next();
    if (breaks()) return Promise.reject(new Error('broken hook')) as unknown as undefined;
  };
  return {
    decision: told,
    stuck: told,
    attempt(call, next) {
      if (breaks()) throw new Error('broken hook');
      if (breaks()) return Promise.reject(new Error('broken hook'));
      const reply = next();
      if (breaks()) throw new Error('broken hook');
      return breaks() ? reply.then(() => Promise.reject(new Error('broken hook'))) : reply;
    },
  };
}
