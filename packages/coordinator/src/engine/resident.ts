import type { BranchId, Gid, GlobalTransaction, Scheduler } from '@tercet/core';
import { Waiters } from './waiters';

/**
 * One transaction in the owner's memory.
 *
 * `tx` is the durable view: its status, epoch and set of branches are always what a commit has confirmed. Only
 * answers of branches are ahead of the store (`executed` may come from memory). What is pending, a registration
 * or a decision on its way to the store, exists nowhere but in the running step of the mailbox, so nothing can
 * leave from it.
 */
export class Resident {
  /** Undefined while the first step of this gid is under way. */
  tx: GlobalTransaction | undefined;
  /** Branches with a phase-two call under way. */
  readonly calling = new Set<BranchId>();
  /** Branches whose answers are not durable yet. */
  readonly unsaved = new Set<BranchId>();
  /** A progress write is under way. */
  saving = false;
  /** Branches that were already reported as stuck. */
  readonly reportedStuck = new Set<BranchId>();
  readonly waiters: Waiters;
  private tail: Promise<unknown> = Promise.resolve();
  private steps = 0;

  constructor(
    readonly gid: Gid,
    scheduler: Scheduler,
  ) {
    this.waiters = new Waiters(scheduler);
  }

  /** Runs `step` after all earlier ones of this gid: one decision is pending at a time, the first enqueued wins. */
  serially<T>(step: () => Promise<T>): Promise<T> {
    this.steps++;
    const result = this.tail.then(step);
    this.tail = result.then(
      () => void this.steps--,
      () => void this.steps--,
    );
    return result;
  }

  /** How many steps wait or run. */
  get waitingSteps(): number {
    return this.steps;
  }

  /** Whether nobody needs this object any more once the transaction is finished. */
  get unused(): boolean {
    return this.steps === 0 && this.waiters.size === 0 && !this.saving && this.calling.size === 0;
  }
}
