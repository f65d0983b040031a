/**
 * Tells branches that become stuck without an attempt of their own: held back at a target that is down, or in a call
 * that hangs. Only their age tells, so somebody has to look.
 *
 * T1 A look comes within a few seconds of the time at which the first branch may have become stuck by its age; there is
 *    one timer, and none while nothing can become stuck that was not told.
 *    A branch that its participant may forget is looked at until that was told: see aging.ts.
 * T2 A look never keeps the event loop for long: it goes on in the next turn.
 */
import {
  type Clock,
  type GlobalTransaction,
  type Scheduler,
  type Timer,
  openPhase,
  openSince,
  pendingBranches,
} from '@tercet/core';
import { Aging, type AgingDeps } from './aging';
import { type ReportDeps, reportIfStuck } from './attempt-report';
import type { Resident } from './resident';
import type { Residents } from './residents';

/** What looking needs. */
export interface StuckWatchDeps extends ReportDeps, AgingDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly residents: Residents;
}

/** Least time between two looks. */
const LOOK_MS = 5_000;
/** Residents looked at in one turn of the event loop. */
const SLICE = 2_000;

/** A look under way: what is left of it, and when the next one may find something. */
interface Look {
  readonly rest: Iterator<Resident>;
  nextAt: number;
}

/** Looks for stuck branches. */
export class StuckWatch {
  private planned: { readonly at: number; readonly timer: Timer } | undefined;
  private readonly aging: Aging;
  private closed = false;

  constructor(private readonly deps: StuckWatchDeps) {
    this.aging = new Aging(deps);
  }

  /** A transaction is in phase two from now on. */
  watch(tx: GlobalTransaction): void {
    const soonest = Math.min(...tx.branches.map(({ spec }) => spec.stuckAfterMs));
    this.plan(this.deps.clock.now() + soonest);
  }

  /** Nothing may be left to look at. */
  rest(): void {
    if (this.deps.residents.size === 0) this.unplan();
  }

  /** Ends all looking. */
  close(): void {
    this.closed = true;
    this.unplan();
  }

  private plan(at: number): void {
    if (this.closed || at === Number.POSITIVE_INFINITY) return;
    if (this.planned !== undefined && this.planned.at <= at) return;
    this.unplan();
    const delayMs = Math.max(LOOK_MS, at - this.deps.clock.now());
    const timer = this.deps.scheduler.after(delayMs, () => {
      this.planned = undefined;
      this.look({ rest: this.deps.residents.all(), nextAt: Number.POSITIVE_INFINITY });
    });
    this.planned = { at, timer };
  }

  private unplan(): void {
    this.planned?.timer.cancel();
    this.planned = undefined;
  }

  private look(look: Look): void {
    if (this.closed) return;
    const now = this.deps.clock.now();
    for (let i = 0; i < SLICE; i++) {
      const next = look.rest.next();
      if (next.done === true) return this.plan(look.nextAt);
      look.nextAt = Math.min(look.nextAt, this.lookAt(next.value, now));
    }
    this.deps.scheduler.soon(() => this.look(look));
  }

  /** Tells what is stuck. Answers when something more may be, by its age alone. */
  private lookAt(resident: Resident, now: number): number {
    const { tx } = resident;
    let nextAt = Number.POSITIVE_INFINITY;
    if (tx === undefined || openPhase(tx) === undefined) return nextAt;
    for (const branch of pendingBranches(tx)) {
      const { id, stuckAfterMs } = branch.spec;
      nextAt = Math.min(nextAt, this.aging.lookAt({ resident, tx, now }, branch));
      if (reportIfStuck(this.deps, { resident, tx, branchId: id, now })) continue;
      if (resident.isReportedStuck(id)) continue;
      // One that waits for another branch is not called before that one ends.
      const since = openSince(tx, branch, this.deps.clockSkewMs) ?? now;
      nextAt = Math.min(nextAt, since + stuckAfterMs);
    }
    return nextAt;
  }
}
