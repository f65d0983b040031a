/**
 * How much unfinished work is taken on. New work is refused before it is durable; what is durable always counts and is
 * never refused.
 *
 * A1 A branch counts for its target from its admission until it has ended (or its registration did not become durable).
 * A2 A transaction counts as undecided from the admission of its opening until its decision is durable. Decided ones do
 *    not count: they come from promises kept, and to refuse them would help nobody.
 * A3 All or nothing: a refused request reserves nothing. A full target refuses only who names it.
 * A4 What counts zero is not remembered: target strings come from outside.
 */
import { type Gid, type GlobalTransaction, TercetError, pendingBranches } from '@tercet/core';

/** Limits of unfinished work. */
export interface AdmissionLimits {
  /** Most unfinished branches of one target (`--target-unfinished-max`). */
  readonly targetUnfinishedMax: number;
  /** Most undecided transactions (`--undecided-max`). */
  readonly undecidedMax: number;
}

/** What a registration would add. */
export interface NewWork {
  /** For the error's details. */
  readonly gid: Gid;
  /** It opens the transaction. */
  readonly opens: boolean;
  /** One entry for each branch that is new; repeats are not. */
  readonly targets: readonly string[];
}

/** What counts of a durable transaction. */
export interface CountedWork {
  /** It has no decision yet. */
  readonly undecided: boolean;
  /** The target of each branch that has not ended. */
  readonly targets: readonly string[];
}

/** Room that was taken. It stays taken when the work became durable; nothing is to be done then. */
export interface Reservation {
  /** Gives the room back, because nothing became durable. Repeating does nothing. */
  release(): void;
}

/** Counts unfinished branches per target, and undecided transactions. */
export class Admission {
  private readonly unfinishedOf = new Map<string, number>();
  private undecidedCount = 0;

  constructor(private readonly limits: AdmissionLimits) {}

  /** Transactions without a durable decision. */
  get undecided(): number {
    return this.undecidedCount;
  }

  /** Whether some limit is half reached. */
  get crowded(): boolean {
    const { undecidedMax, targetUnfinishedMax } = this.limits;
    if (2 * this.undecidedCount >= undecidedMax) return true;
    for (const count of this.unfinishedOf.values())
      if (2 * count >= targetUnfinishedMax) return true;
    return false;
  }

  /** Unfinished branches of a target. */
  unfinished(target: string): number {
    return this.unfinishedOf.get(target) ?? 0;
  }

  /** How many targets have unfinished branches. */
  get targets(): number {
    return this.unfinishedOf.size;
  }

  /**
   * Takes room for new work, or throws LIMIT_EXCEEDED, whose details name the limit (`target` or `undecided`) and the
   * target, and whose text names the setting.
   */
  admit(work: NewWork): Reservation {
    const asked = countEach(work.targets);
    this.refuseUndecided(work);
    for (const [target, count] of asked) this.refuseTarget(work, target, count);
    if (work.opens) this.undecidedCount++;
    for (const [target, count] of asked) this.change(target, count);
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        if (work.opens) this.endUndecided();
        for (const [target, count] of asked) this.change(target, -count);
      },
    };
  }

  /** A transaction that was durable before, from a restart or a takeover: counts it, beyond every limit if need be. */
  resume(tx: GlobalTransaction): void {
    if (tx.status === 'trying') this.undecidedCount++;
    for (const { spec } of pendingBranches(tx)) this.change(spec.target, 1);
  }

  /** The decision of a transaction that counted as undecided is durable. To be told once. */
  decided(): void {
    this.endUndecided();
  }

  /** A branch has ended: it answered OK, or an operator resolved it. To be told once for each. */
  branchDone(target: string): void {
    this.change(target, -1);
  }

  /** What counts of a transaction in its present state. */
  workOf(tx: GlobalTransaction): CountedWork {
    const targets = pendingBranches(tx).map(({ spec }) => spec.target);
    return { undecided: tx.status === 'trying', targets };
  }

  /** A transaction that counted, in this very state, is not ours any more: counts nothing of it. */
  lost(tx: GlobalTransaction): void {
    this.release(this.workOf(tx));
  }

  /** What counted, as `workOf` said, counts no more. */
  release({ undecided, targets }: CountedWork): void {
    if (undecided) this.endUndecided();
    for (const target of targets) this.change(target, -1);
  }

  private refuseUndecided({ gid, opens }: NewWork): void {
    const { undecidedMax } = this.limits;
    if (!opens || this.undecidedCount < undecidedMax) return;
    throw new TercetError('LIMIT_EXCEEDED', {
      message:
        `the limit of undecided transactions, ${undecidedMax} (--undecided-max), is reached: ` +
        'repeat the request when some of them are decided, or raise the limit',
      details: { gid, limit: 'undecided' },
    });
  }

  private refuseTarget({ gid }: NewWork, target: string, count: number): void {
    const { targetUnfinishedMax } = this.limits;
    const unfinished = this.unfinished(target);
    if (unfinished + count <= targetUnfinishedMax) return;
    const limit = `at most ${targetUnfinishedMax} (--target-unfinished-max)`;
    const message =
      count > targetUnfinishedMax
        ? `branches of ${target} in the request: ${count}, ${limit}: ` +
          'it never fits; raise the limit, or name that target less often in one transaction'
        : `unfinished branches of ${target}: ${unfinished} and ${count} in the request, ${limit}: ` +
          'repeat the request when some have ended; `tercet stuck` shows what they wait for';
    throw new TercetError('LIMIT_EXCEEDED', { message, details: { gid, limit: 'target', target } });
  }

  private endUndecided(): void {
    this.undecidedCount = Math.max(0, this.undecidedCount - 1);
  }

  private change(target: string, by: number): void {
    const count = this.unfinished(target) + by;
    if (count > 0) this.unfinishedOf.set(target, count);
    else this.unfinishedOf.delete(target);
  }
}

function countEach(targets: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  return counts;
}
