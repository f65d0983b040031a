/**
 * Retention, in the background: payloads and history of what finished long ago leave, later the tombstones. Every node does it,
 * without asking the others: the store lets one step through at a time.
 *
 * A1 One step is under way at a time, and it is small: how many transactions it takes follows how long the last ones took.
 * A2 Between two steps there is three times the time that the last one took: retention has a quarter of the store's time at
 *    most, and that much however much there is to do, so that it keeps up with traffic and works off a backlog.
 * A3 Nothing is remembered but the pace: a failed step is repeated, a restart goes on where the store is.
 * A4 What has finished within the last minute stays whole whatever the limit in rows says: nodes' clocks differ, and completions
 *    may be on their way.
 */
import type { Clock, Random, Scheduler } from '@tercet/core';
import type { Logger } from '../observability/logger';
import { type Expired, type Store, StoreFailure } from '../store/store';
import { TimerSet } from './timer-set';

/** How long finished transactions are kept. */
export interface RetentionSettings {
  /** Whole, counted from the finish, ms. */
  readonly retentionMs: number;
  /** As a tombstone, counted from the finish, ms; at least `retentionMs`. */
  readonly idempotencyWindowMs: number;
  /** Most finished transactions that are kept whole. */
  readonly retainRows: number | 'off';
}

/** What retention needs. */
export interface RetentionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  /** Undefined = everything is kept. */
  readonly retention?: RetentionSettings | undefined;
}

/** Transactions of one step: at first, at least, at most (A1). */
const STEP = { first: 64, min: 16, max: 512 } as const;
/** A step that took less may be larger next time, one that took more is too large, ms. */
const QUICK_MS = 10;
const SLOW_MS = 50;
/** A2 */
const REST = 3;
/** Of the retention, how much later something may leave; within these bounds, ms. */
const LAG_SHARE = 0.01;
const LAG = { min: 1_000, max: 60_000 } as const;
/** The limit in rows is looked at again after so many times the time that it took: it walks an index. */
const LOOK_REST = 100;
const LOOK_MS_MIN = 1_000;
/** A4 */
const RECENT_MS = 60_000;

/** Expires what finished long ago, as long as it is not closed. */
export class Retention {
  private readonly timers: TimerSet;
  private limit: number = STEP.first;
  private closed = false;
  private failing = false;
  /** Where the limit in rows lies, and when it is looked at again. */
  private rows: { readonly before: number; readonly until: number } | undefined;

  constructor(private readonly deps: RetentionDeps) {
    this.timers = new TimerSet(deps.scheduler);
  }

  /** Begins, after a while: nodes that start together do not begin together. */
  start(): void {
    const { retention, random } = this.deps;
    if (retention === undefined) return;
    this.timers.after(random.unit() * lagOf(retention), () => void this.step(retention));
  }

  /** Takes no further step. One that is under way is safe to leave. */
  close(): void {
    this.closed = true;
    this.timers.close();
  }

  private async step(settings: RetentionSettings): Promise<void> {
    const pause = await this.taken(settings);
    const { random } = this.deps;
    // The jitter keeps nodes from meeting step after step.
    const ms = pause * (0.75 + random.unit() / 2);
    this.timers.after(Math.max(1, ms), () => void this.step(settings));
  }

  /** Takes a step; how long to rest after it, ms. */
  private async taken(settings: RetentionSettings): Promise<number> {
    const { store, clock, logger } = this.deps;
    try {
      const finishedBefore = await this.finishedBefore(settings);
      const from = clock.now();
      const forgetBefore = from - settings.idempotencyWindowMs;
      const step = await store.expire({ finishedBefore, forgetBefore, limit: this.limit });
      const took = this.since(from);
      this.failing = false;
      if (step.expired + step.forgotten > 0) logger.debug({ ...step, took }, 'retention');
      this.adapt(step, took);
      return step.more ? took * REST : lagOf(settings);
    } catch (err) {
      this.failed(err);
      return isConflict(err) ? LAG.min : lagOf(settings);
    }
  }

  private adapt({ more }: Expired, took: number): void {
    if (took > SLOW_MS) this.limit = Math.max(STEP.min, this.limit >> 1);
    else if (more && took < QUICK_MS) this.limit = Math.min(STEP.max, this.limit * 2);
  }

  private async finishedBefore({ retentionMs, retainRows }: RetentionSettings): Promise<number> {
    const byTime = this.deps.clock.now() - retentionMs;
    if (retainRows === 'off') return byTime;
    return Math.max(byTime, await this.beforeRow(retainRows));
  }

  /** Before which finish there are more than `retainRows` whole ones. */
  private async beforeRow(retainRows: number): Promise<number> {
    const { store, clock } = this.deps;
    const from = clock.now();
    if (this.rows === undefined || this.rows.until <= from) {
      const at = await store.finishedAt(retainRows);
      const rest = Math.max(LOOK_MS_MIN, LOOK_REST * this.since(from));
      const before = at === undefined ? Number.NEGATIVE_INFINITY : at + 1;
      this.rows = { before: Math.min(before, from - RECENT_MS), until: from + rest };
    }
    return this.rows.before;
  }

  /** A wall clock that was set meanwhile is no reason to rest for hours. */
  private since(from: number): number {
    return Math.min(Math.max(0, this.deps.clock.now() - from), LOOK_MS_MIN);
  }

  private failed(err: unknown): void {
    if (this.closed || isConflict(err)) return;
    // Of a store that is away others tell as well; once is enough.
    if (!this.failing) this.deps.logger.warn({ err }, 'retention waits for the store');
    this.failing = true;
  }
}

/** How much later than its time something may leave. */
function lagOf({ retentionMs }: RetentionSettings): number {
  return Math.min(Math.max(retentionMs * LAG_SHARE, LAG.min), LAG.max);
}

/** Another node was at it. */
function isConflict(error: unknown): boolean {
  return error instanceof StoreFailure && error.kind === 'transient';
}
