/** The rules that hold for every transaction at every moment, and from each moment to the next. */
import {
  type Attempts,
  type Branch,
  type GlobalStatus,
  type GlobalTransaction,
  type Transition,
  decisionOf,
  factReached,
  facts,
  globalTransitions,
  isFinished,
  parentOf,
  pendingBranches,
} from '../src';
import { must } from './must';

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
  const ids = new Set<string>(tx.branches.map(({ spec }) => spec.id));
  for (const { spec, status, attempts, parked, verdict } of tx.branches) {
    must(!parked || attempts.nextAt === undefined, 'P4: what is parked has no plan');
    const parent = parentOf(spec.id);
    must(parent === undefined || ids.has(parent), 'I4: no nested branch without its parent');
    must(!parked || status === 'registered', 'P4: parked = pending');
    const held = parked && attempts.stuckReason === 'restored';
    must(!parked || decision !== undefined || held, 'R2: nothing else parks while trying');
    must(verdict === undefined || verdict.asserted === status, 'O2: a verdict ends its branch so');
    must(verdict === undefined || verdict.asserted === end, 'O1: no verdict contradicts');
  }
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
    if (branch.status !== 'registered') must(later === branch, 'P2: an ended branch never changes');
    checkHistory(branch.attempts, later);
  });
}

/** What is known of earlier calls stays known, whatever an operator does. */
function checkHistory(before: Attempts, { status, attempts: after }: Branch): void {
  must(after.count >= before.count, 'O3: attempts are never forgotten');
  must(after.count <= before.count + 1, 'one answer is one attempt');
  must(after.firstAt === before.firstAt || before.count === 0, 'O3: nor when the first one was');
  must(after.streak >= 0 && after.streak <= after.count, 'a streak is a part of all attempts');
  if (after.count !== before.count || before.lastFailure === undefined) return;
  must(after.lastAt === before.lastAt, 'O3: nor when the last one was');
  must(after.lastFailure === before.lastFailure, `O3: nor what it met (${status})`);
}

/** One move of the table, or two at once where phase two has no calls. */
function legalPath(before: GlobalTransaction, after: GlobalTransaction): boolean {
  if (before.status === after.status) return true;
  const targets = movesFrom(before.status);
  // Nothing to call: there are no branches, or an operator has vouched for the only one of a held transaction.
  const called = after.branches.some(({ verdict }) => verdict === undefined);
  if (!called) targets.push(...targets.flatMap(movesFrom));
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
