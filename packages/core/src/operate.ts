/**
 * What operators may do to the branches of a decided transaction, as pure functions.
 *
 * O1 Nothing an operator does changes the decision, or calls a branch in the other direction (I1, I3).
 * O2 A verdict is recorded beside the status, once, and completes the branch; it agrees with the decision.
 * O3 History stays: attempts and failures of a retried or resumed branch are kept, only its backoff begins anew.
 * O4 An event whose effect is already there is `repeated` (I9); a retry means now, whenever it comes.
 */
import type { Attempts, Branch } from './branch';
import { TercetError } from './errors';
import { type GlobalTransaction, findBranch, pendingBranches } from './global-transaction';
import { type BranchId, someOf } from './ids';
import { plainText } from './text';
import { decisionOf, phaseTwoOf } from './transitions';

/** Something that an operator asks of the branches of one transaction. */
export type OperatorEvent =
  /** Call these branches now; none named = all that are pending and not parked. */
  | { readonly kind: 'retry'; readonly branchIds: readonly BranchId[] }
  /** Let parked branches be called again; none named = all parked ones. */
  | { readonly kind: 'resume'; readonly branchIds: readonly BranchId[] }
  | ResolveEvent;

/** An operator vouches for how a branch ended. */
export interface ResolveEvent {
  readonly kind: 'resolve';
  readonly branchId: BranchId;
  readonly asserted: 'confirmed' | 'cancelled';
  readonly by: string;
  readonly reason: string;
}

/** The answer to an operator's event. */
export type OperatorDecision =
  | {
      readonly kind: 'accepted';
      readonly next: GlobalTransaction;
      /** The branches that it changed. */
      readonly changed: readonly BranchId[];
    }
  | { readonly kind: 'repeated'; readonly current: GlobalTransaction }
  | { readonly kind: 'rejected'; readonly error: TercetError };

/** Decides one operator's event at `now`, Unix milliseconds. */
export function operate(
  tx: GlobalTransaction,
  event: OperatorEvent,
  now: number,
): OperatorDecision {
  if (decisionOf(tx.status) === undefined) {
    const message = `nothing to ${event.kind}: transaction ${tx.gid} is trying, nobody has decided yet`;
    return rejected('WRONG_STATUS', message, { gid: tx.gid, status: tx.status });
  }
  switch (event.kind) {
    case 'retry':
      return retry(tx, event.branchIds, now);
    case 'resume':
      return resume(tx, event.branchIds, now);
    case 'resolve':
      return resolve(tx, event, now);
  }
}

function retry(tx: GlobalTransaction, ids: readonly BranchId[], now: number): OperatorDecision {
  const named = branchesOf(tx, ids);
  if (named instanceof TercetError) return { kind: 'rejected', error: named };
  const pending = named.filter((branch) => branch.status === 'registered');
  const parked = pending.filter((branch) => branch.parked);
  const called = pending.filter((branch) => !branch.parked);
  if (parked.length > 0 && (ids.length > 0 || called.length === 0)) {
    return { kind: 'rejected', error: parkedError(tx, parked) };
  }
  return changed(tx, called, (branch) => ({
    ...branch,
    attempts: { ...branch.attempts, streak: 0, nextAt: now },
  }));
}

function resume(tx: GlobalTransaction, ids: readonly BranchId[], now: number): OperatorDecision {
  const named = branchesOf(tx, ids);
  if (named instanceof TercetError) return { kind: 'rejected', error: named };
  const parked = named.filter((branch) => branch.parked && branch.status === 'registered');
  return changed(tx, parked, (branch) => {
    const attempts: Attempts = { ...branch.attempts, streak: 0, nextAt: now };
    return { ...branch, parked: false, attempts: { ...attempts, stuckReason: 'retrying' } };
  });
}

function resolve(tx: GlobalTransaction, event: ResolveEvent, now: number): OperatorDecision {
  const branch = findBranch(tx, event.branchId);
  if (branch === undefined) return { kind: 'rejected', error: unknownBranch(tx, event.branchId) };
  const decision = decisionOf(tx.status);
  const end = decision === 'confirm' ? 'confirmed' : 'cancelled';
  if (event.asserted !== end) {
    const message = `as: a verdict that contradicts the decision is not built yet; transaction ${tx.gid} is ${tx.status}, so a branch can be resolved as ${end} only`;
    return rejected('NOT_BUILT_YET', message, { gid: tx.gid, field: 'as' });
  }
  if (branch.status !== 'registered' || phaseTwoOf[tx.status] === undefined) {
    return { kind: 'repeated', current: tx };
  }
  const { asserted, by } = event;
  const reason = plainText(event.reason, Number.POSITIVE_INFINITY);
  const verdict = { asserted, by, at: now, reason };
  return changed(tx, [branch], (one) => ({
    ...one,
    status: end,
    verdict,
    parked: false,
    attempts: { ...one.attempts, nextAt: undefined },
  }));
}

function changed(
  tx: GlobalTransaction,
  chosen: readonly Branch[],
  change: (branch: Branch) => Branch,
): OperatorDecision {
  if (chosen.length === 0) return { kind: 'repeated', current: tx };
  const ids = new Set(chosen.map(({ spec }) => spec.id));
  const branches = tx.branches.map((one) => (ids.has(one.spec.id) ? change(one) : one));
  return { kind: 'accepted', next: { ...tx, branches }, changed: [...ids] };
}

function branchesOf(
  tx: GlobalTransaction,
  ids: readonly BranchId[],
): readonly Branch[] | TercetError {
  if (ids.length === 0) return pendingBranches(tx);
  const missing = ids.find((id) => findBranch(tx, id) === undefined);
  if (missing !== undefined) return unknownBranch(tx, missing);
  return tx.branches.filter(({ spec }) => ids.includes(spec.id));
}

function parkedError(tx: GlobalTransaction, parked: readonly Branch[]): TercetError {
  const ids = parked.map(({ spec }) => spec.id);
  const [noun, verb, pronoun] =
    ids.length === 1 ? ['branch', 'is', 'it'] : ['branches', 'are', 'them'];
  const message = `${noun} ${someOf(ids)} of transaction ${tx.gid} ${verb} parked: resume ${pronoun} to have ${pronoun} called again`;
  return new TercetError('BRANCH_PARKED', {
    message,
    details: { gid: tx.gid, branch_id: ids[0] ?? '' },
  });
}

function unknownBranch(tx: GlobalTransaction, id: BranchId): TercetError {
  const known = tx.branches.map(({ spec }) => spec.id);
  const message = `transaction ${tx.gid} has no branch ${id}; it has ${known.length === 0 ? 'none' : someOf(known)}`;
  return new TercetError('BRANCH_NOT_FOUND', { message, details: { gid: tx.gid, branch_id: id } });
}

function rejected(
  code: TercetError['code'],
  message: string,
  details: Readonly<Record<string, string>>,
): OperatorDecision {
  return { kind: 'rejected', error: new TercetError(code, { message, details }) };
}
