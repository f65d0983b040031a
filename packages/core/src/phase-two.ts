/**
 * Phase two as pure functions: when a branch is due, what an answer makes of it, when the work is done.
 *
 * P1 Only the phase of the durable decision is ever due (rules I1, I3).
 * P2 A branch that answered OK is never due again; any other answer makes it due later, for ever (I7), or parks it.
 * P3 In an ordered phase two a branch is due after all its predecessors have ended well; a parked one blocks its
 *    successors.
 * P4 A parked branch is due when an operator says so, never by time.
 * P5 Nothing, an operator's order included, makes a first Cancel due while the branch's Try may still start (I10).
 */
import type { Attempts, Branch } from './branch';
import { type GlobalTransaction, openPhase, pendingBranches } from './global-transaction';
import type { BranchId } from './ids';
import { limits } from './limits';
import type { CallFailure, Outcome } from './outcome';
import type { Random } from './ports';
import { type RetryPolicy, nextDelayMs, slowDelayMs } from './retry-policy';
import { isImmediate, parks, reasonOf, reasonOfCode } from './stuck';
import { plainText } from './text';
import { decisionOf, phaseTwoOf } from './transitions';

/**
 * When the next phase-two call of a branch is due (Unix ms), or undefined when none is: nothing is decided, it has
 * ended, it is parked, or it waits for another branch. The first Cancel of a
 * branch whose Try nobody told of waits until the Try can no longer start: `notAfter` plus the greatest clock
 * difference; a participant with a barrier keeps a late Try out by itself.
 */
export function dueAt(tx: GlobalTransaction, branch: Branch, skewMs: number): number | undefined {
  if (openPhase(tx) === undefined || branch.status !== 'registered' || branch.parked) {
    return undefined;
  }
  const since = openSince(tx, branch, skewMs);
  if (since === undefined) return undefined;
  const { count, nextAt = since } = branch.attempts;
  return count === 0 ? Math.max(since, nextAt) : nextAt;
}

/**
 * The branch that has to end well before this one is called: of those that have not, the nearest. Undefined where
 * none has to, or all have.
 */
export function waitsFor(tx: GlobalTransaction, branch: Branch): Branch | undefined {
  return predecessorsOf(tx, branch).find(isPending);
}

/** Who goes before this branch in phase two, the nearest first. A verdict may have ended any of them out of turn. */
function predecessorsOf(tx: GlobalTransaction, branch: Branch): readonly Branch[] {
  const { phaseTwoOrder } = tx.policy;
  if (phaseTwoOrder !== 'registration' && phaseTwoOrder !== 'reverse') return [];
  const place = tx.branches.findIndex(({ spec }) => spec.id === branch.spec.id);
  if (phaseTwoOrder === 'reverse') return tx.branches.slice(place + 1);
  return tx.branches.slice(0, place).reverse();
}

function isPending({ status }: Branch): boolean {
  return status === 'registered';
}

/**
 * Since when phase two of a branch is open: the decision, or, where its first Cancel has to outwait the Try, the
 * end of that wait, or in an ordered phase two the end of its predecessors. Undefined while nothing is decided, or
 * while it waits for another branch.
 */
export function openSince(
  tx: GlobalTransaction,
  branch: Branch,
  skewMs: number,
): number | undefined {
  if (tx.decidedAt === undefined) return undefined;
  const before = predecessorsOf(tx, branch);
  if (before.some(isPending)) return undefined;
  const free = Math.max(tx.decidedAt, ...before.map(endedAt));
  const mustOutwaitTry =
    decisionOf(tx.status) === 'cancel' && !branch.tryTold && !branch.spec.barrier;
  return mustOutwaitTry ? Math.max(free, branch.notAfter + skewMs) : free;
}

/** When a branch ended: at its OK, or by its verdict. */
function endedAt({ attempts, verdict }: Branch): number {
  return verdict?.at ?? attempts.lastAt ?? 0;
}

/** How one phase-two call ended. */
export interface BranchAnswer {
  readonly branchId: BranchId;
  readonly outcome: Outcome;
}

/** Context of an answer. */
export interface AnswerContext {
  readonly now: number;
  readonly random: Random;
}

/** The transaction after the answer of one phase-two call. An answer for a branch that is done changes nothing. */
export function withOutcome(
  tx: GlobalTransaction,
  { branchId, outcome }: BranchAnswer,
  context: AnswerContext,
): GlobalTransaction {
  const open = phaseTwoOf[tx.status];
  if (open === undefined) return tx;
  const branches = tx.branches.map((branch) => {
    if (branch.spec.id !== branchId || branch.status !== 'registered') return branch;
    const attempts = nextAttempts(branch, outcome, context);
    if (outcome.kind === 'done') {
      return { ...branch, status: open.branchEnd, attempts, parked: false };
    }
    const parked = branch.parked || parks(branch.spec, outcome);
    return { ...branch, attempts: parked ? { ...attempts, nextAt: undefined } : attempts, parked };
  });
  return { ...tx, branches };
}

/**
 * The transaction after a due call was held back, because nobody reaches its target. No attempt was made; operators
 * see what the target's other calls met. A reason of the branch's own stays.
 */
export function withHeldBack(
  tx: GlobalTransaction,
  branchId: BranchId,
  failure: CallFailure,
): GlobalTransaction {
  if (phaseTwoOf[tx.status] === undefined) return tx;
  const branches = tx.branches.map((branch) => {
    const { attempts } = branch;
    if (branch.spec.id !== branchId || branch.status !== 'registered') return branch;
    if (attempts.stuckReason !== undefined || branch.parked) return branch;
    const stuckReason = reasonOfCode(failure.grpcCode);
    return { ...branch, attempts: { ...attempts, stuckReason, lastFailure: shortened(failure) } };
  });
  return { ...tx, branches };
}

function nextAttempts(branch: Branch, outcome: Outcome, context: AnswerContext): Attempts {
  const { attempts } = branch;
  const { now } = context;
  const base = {
    ...attempts,
    count: attempts.count + 1,
    firstAt: attempts.firstAt ?? now,
    lastAt: now,
  };
  if (outcome.kind === 'done') {
    return { ...base, nextAt: undefined, lastFailure: undefined, stuckReason: undefined };
  }
  const streak = attempts.streak + 1;
  return {
    ...base,
    streak,
    nextAt: now + retryDelayMs(branch.spec.retry, { outcome, streak }, context.random),
    lastFailure: shortened(outcome.failure),
    stuckReason: reasonOf(outcome),
  };
}

/** However a policy is set, and whatever the jitter says: a participant that fails at once is not called in a loop. */
export const RETRY_DELAY_MS_MIN = 10;

/** A participant's wish for a later call is a lower bound: below it, our own backoff holds. */
function retryDelayMs(
  retry: RetryPolicy,
  {
    outcome,
    streak,
  }: { readonly outcome: Exclude<Outcome, { kind: 'done' }>; readonly streak: number },
  random: Random,
): number {
  const slow = isImmediate(reasonOf(outcome));
  const delayMs = slow ? slowDelayMs(retry, random) : nextDelayMs(retry, streak, random);
  const wishedMs = outcome.kind === 'again' ? (outcome.afterMs ?? 0) : 0;
  return Math.max(RETRY_DELAY_MS_MIN, delayMs, Math.min(wishedMs, limits.durationMsMax));
}

function shortened(failure: CallFailure): CallFailure {
  if (failure.message.length <= limits.textLengthMax) return failure;
  const kept = failure.message.slice(0, limits.textLengthMax - 1);
  return { ...failure, message: plainText(`${kept}…`, Number.POSITIVE_INFINITY) };
}

/** The completed transaction when every branch of an open phase two has answered OK, else undefined. */
export function completed(tx: GlobalTransaction, now: number): GlobalTransaction | undefined {
  const open = phaseTwoOf[tx.status];
  if (open === undefined || pendingBranches(tx).length > 0) return undefined;
  return { ...tx, status: open.end, finishedAt: now };
}

/** Everything about a branch whose phase two failed so far, for errors and lists. */
export interface BranchFailure {
  readonly branch: BranchId;
  readonly action: string;
  readonly service: string;
  readonly method: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  readonly grpcCode: number;
  readonly message: string;
  /** What the participant gave with a reject, decoded from JSON; else undefined. */
  readonly details: unknown;
  readonly attempts: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  readonly nextAt: number | undefined;
  readonly peer: string | undefined;
}
