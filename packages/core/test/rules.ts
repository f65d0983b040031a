/** The rules that hold for every transaction at every moment, and from each moment to the next. */
import {
  type Branch,
  type GlobalStatus,
  type GlobalTransaction,
  type Transition,
  decisionOf,
  dueAt,
  factReached,
  facts,
  globalTransitions,
  isFinished,
  openPhase,
  openSince,
  pendingBranches,
  stuckReasonAt,
  stuckReasons,
} from '../src';
import { variantOf } from './steps';

/** Greatest clock difference that the histories are played with, milliseconds. */
export const SKEW_MS = 5_000;

/** A rule; a plain throw, because a matcher for each of a million checks would take minutes. */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(`broken rule: ${rule}`);
}

/** What holds for a transaction at any time. */
export function checkState(tx: GlobalTransaction): void {
  const decision = decisionOf(tx.status);
  const end = decision === 'confirm' ? 'confirmed' : 'cancelled';
  const ended = tx.branches.filter((branch) => branch.status !== 'registered');
  must(decision !== undefined || ended.length === 0, 'I3: no branch ends before the decision');
  must(
    ended.every((branch) => branch.status === end),
    'I2: all branches end the same way',
  );
  must((tx.decidedAt !== undefined) === (decision !== undefined), 'I3: decided, and since when');
  must((tx.finishedAt !== undefined) === isFinished(tx.status), 'finished, and since when');
  const kind = tx.cause?.kind;
  must(
    (decision === 'confirm') === (kind === 'commit') &&
      (decision === undefined) === (kind === undefined),
    'I3: only a commit leads to confirm',
  );
  if (isFinished(tx.status)) must(pendingBranches(tx).length === 0, 'I7: nothing is given up');
}

/** What holds for a branch at any time. */
export function checkBranch(tx: GlobalTransaction, branch: Branch, now: number): void {
  const due = dueAt(tx, branch, SKEW_MS);
  const open = openPhase(tx) !== undefined && branch.status === 'registered';
  must((due !== undefined) === open, 'P1: due exactly while the decision wants a call');
  must(branch.spec.payload[0] === variantOf(branch.spec), 'D2: bytes stay as they were');
  if (due === undefined || tx.decidedAt === undefined) return;
  must(Number.isSafeInteger(due), 'I7: an unfinished branch is due at some time');
  must(openPhase(tx) === (tx.cause?.kind === 'commit' ? 'confirm' : 'cancel'), 'P1: as decided');
  const outwaited = Math.max(tx.decidedAt, branch.notAfter + SKEW_MS);
  if (branch.attempts.count === 0) {
    const first = mustOutwaitTry(tx, branch) ? outwaited : tx.decidedAt;
    must(due === first, 'P1: a first Cancel outwaits a Try that may still start, else at once');
  }
  const since = openSince(tx, branch, SKEW_MS) ?? Number.NaN;
  if (branch.attempts.count === 0) must(due === since, 'the first call is due once it is open');
  const stuck = stuckReasonAt(branch, since, now);
  must(stuck === undefined || stuckReasons.includes(stuck), 'stuck has a known reason');
  if (branch.attempts.count >= 5) must(stuck !== undefined, 'five failures are stuck');
}

/** The first Cancel of a branch whose Try outcome was not told waits, except behind a barrier. */
export function mustOutwaitTry(tx: GlobalTransaction, branch: Branch): boolean {
  return openPhase(tx) === 'cancel' && !branch.tryTold && !branch.spec.barrier;
}

/** What may never change from one moment of a transaction to the next. */
export function checkSuccession(before: GlobalTransaction, after: GlobalTransaction): void {
  const { gid, runId, name, openedAt, deadlineAt, epoch } = before;
  const fixed = { gid, runId, name, openedAt, deadlineAt, epoch };
  for (const [key, value] of Object.entries(fixed)) {
    must(after[key as keyof typeof fixed] === value, `${key} never changes`);
  }
  if (before.decidedAt !== undefined) {
    must(decisionOf(after.status) === decisionOf(before.status), 'I3: a decision never changes');
    must(after.decidedAt === before.decidedAt, 'I3: nor its time');
    must(after.cause === before.cause, 'I3: nor its cause');
    must(after.branches.length === before.branches.length, 'D3: no branch after the decision');
  }
  if (before.finishedAt !== undefined)
    must(after.finishedAt === before.finishedAt, 'an end is final');
  must(legalPath(before, after), `D3: ${before.status} → ${after.status} is not in the table`);
  must(rank(after) >= rank(before), 'a fact that holds stays true');
  before.branches.forEach((branch, i) => {
    const later = after.branches[i];
    must(later?.spec === branch.spec, 'I7: a branch is never removed, moved or rewritten');
    must(later.notAfter === branch.notAfter, 'notAfter never changes');
    must(later.attempts.count >= branch.attempts.count, 'attempts are never forgotten');
    if (branch.status !== 'registered') must(later === branch, 'P2: an ended branch never changes');
  });
}

/** One move of the table, or two at once where phase two has no calls. */
function legalPath(before: GlobalTransaction, after: GlobalTransaction): boolean {
  if (before.status === after.status) return true;
  const targets = movesFrom(before.status);
  if (after.branches.length === 0) targets.push(...targets.flatMap(movesFrom));
  return targets.includes(after.status);
}

function movesFrom(status: GlobalStatus): GlobalStatus[] {
  const moves: readonly Transition<GlobalStatus>[] = Object.values(globalTransitions);
  return moves.filter((move) => move.from.includes(status)).map((move) => move.to);
}

function rank(tx: GlobalTransaction): number {
  const reached = factReached(tx);
  return reached === undefined ? -1 : facts.indexOf(reached);
}
