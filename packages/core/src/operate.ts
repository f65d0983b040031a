/**
 * What operators may do to the branches of a transaction, as pure functions.
 *
 * O1 Nothing an operator does changes the decision, or calls a branch in the other direction (I1, I3).
 * O2 A verdict is recorded beside the status, once, and completes the branch; it agrees with the decision.
 * O3 History stays: attempts and failures of a retried or resumed branch are kept, only its backoff begins anew.
 * O4 An event whose effect is already there is `repeated` (I9); a retry means now, whenever it comes.
 * O5 What is undecided takes no order, except where it is held (restored.ts, R3): there resume and resolve decide.
 */
import type { Attempts, Branch } from './branch';
import { TercetError } from './errors';
import { type GlobalTransaction, findBranch, pendingBranches } from './global-transaction';
import { type BranchId, someOf } from './ids';
import { decidedByOperator, isHeld } from './restored';
import { plainText } from './text';
import { decisionOf, phaseTwoOf } from './transitions';

/** Something that an operator asks of the branches of one transaction. */
export type OperatorEvent =
  /** Call these branches now; none named = all that are pending and not parked. */
  { readonly kind: 'retry'; readonly branchIds: readonly BranchId[] } | ResumeEvent | ResolveEvent;

/** Let parked branches be called again; none named = all parked ones. A held transaction is cancelled by it. */
export interface ResumeEvent {
  readonly kind: 'resume';
  readonly branchIds: readonly BranchId[];
}

/** An operator vouches for how a branch ended. A held transaction is decided by it. */
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
  if (decisionOf(tx.status) === undefined) return operateUndecided(tx, event, now);
  // Nothing is left to do; which branches there were is no longer known (decide.ts, D4).
  if (tx.tombstone !== undefined && event.kind !== 'resolve') {
    return { kind: 'repeated', current: tx };
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

/** O5 */
function operateUndecided(
  tx: GlobalTransaction,
  event: OperatorEvent,
  now: number,
): OperatorDecision {
  if (!isHeld(tx) || event.kind === 'retry') {
    const mend = isHeld(tx) ? ': resume it, which cancels it, or resolve it' : '';
    const message = `nothing to ${event.kind}: transaction ${tx.gid} is trying, nobody has decided yet${mend}`;
    return rejected('WRONG_STATUS', message, { gid: tx.gid, status: tx.status });
  }
  const named = branchesOf(tx, event.kind === 'resume' ? event.branchIds : [event.branchId]);
  if (named instanceof TercetError) return { kind: 'rejected', error: named };
  const ids = named.map(({ spec }) => spec.id);
  const confirms = event.kind === 'resolve' && event.asserted === 'confirmed';
  const decision = confirms ? ('confirm' as const) : ('cancel' as const);
  const change = (one: Branch): Branch => {
    if (!ids.includes(one.spec.id)) return one;
    return event.kind === 'resume' ? resumed(one, now) : resolved(one, event, now);
  };
  const next = decidedByOperator(tx, { decision, by: whoCancels(event), change }, now);
  return { kind: 'accepted', next, changed: ids };
}

function whoCancels(event: ResumeEvent | ResolveEvent): string {
  if (event.kind === 'resume') return 'an operator resumed it; it came back undecided';
  const text = `${event.by} resolved branch ${event.branchId} as cancelled: ${event.reason}`;
  return plainText(text, Number.POSITIVE_INFINITY);
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
  return changed(tx, parked, (branch) => resumed(branch, now));
}

function resumed(branch: Branch, now: number): Branch {
  const attempts: Attempts = { ...branch.attempts, streak: 0, nextAt: now };
  return { ...branch, parked: false, attempts: { ...attempts, stuckReason: 'retrying' } };
}

function resolve(tx: GlobalTransaction, event: ResolveEvent, now: number): OperatorDecision {
  const branch = findBranch(tx, event.branchId);
  if (branch === undefined && tx.tombstone === undefined) {
    return { kind: 'rejected', error: unknownBranch(tx, event.branchId) };
  }
  const decision = decisionOf(tx.status);
  const end = decision === 'confirm' ? 'confirmed' : 'cancelled';
  if (event.asserted !== end) {
    const message = `as: a verdict that contradicts the decision is not built yet; transaction ${tx.gid} is ${tx.status}, so a branch can be resolved as ${end} only`;
    return rejected('NOT_BUILT_YET', message, { gid: tx.gid, field: 'as' });
  }
  if (branch?.status !== 'registered' || phaseTwoOf[tx.status] === undefined) {
    return { kind: 'repeated', current: tx };
  }
  return changed(tx, [branch], (one) => resolved(one, event, now));
}

function resolved(branch: Branch, event: ResolveEvent, now: number): Branch {
  const { asserted, by } = event;
  const reason = plainText(event.reason, Number.POSITIVE_INFINITY);
  return {
    ...branch,
    status: asserted,
    verdict: { asserted, by, at: now, reason },
    parked: false,
    attempts: { ...branch.attempts, nextAt: undefined },
  };
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
