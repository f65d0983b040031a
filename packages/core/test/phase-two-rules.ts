/**
 * The rules of phase two (P1–P5, I1, I7). Who has to be called, when, and what parks is worked out here a second
 * time, in other words than in the code.
 */
import {
  type Branch,
  type GlobalTransaction,
  type Outcome,
  dueAt,
  grpcCode,
  openPhase,
  openSince,
  stuckReasonAt,
  stuckReasons,
  waitsFor,
} from '../src';
import { must } from './must';
import { variantOf } from './steps';

/** Greatest clock difference that the histories are played with, milliseconds. */
export const SKEW_MS = 5_000;
/** Longest delay that any retry may ask for: 24 h. */
const LONGEST_DELAY_MS = 86_400_000;

/** When a branch is due. */
export function dueOf(tx: GlobalTransaction, branch: Branch): number | undefined {
  return dueAt(tx, branch, SKEW_MS);
}

/** The branches that phase two calls before this one, in the order of their calls. */
export function goBefore(tx: GlobalTransaction, branch: Branch): readonly Branch[] {
  const { phaseTwoOrder } = tx.policy;
  if (phaseTwoOrder === 'all') return [];
  const line = phaseTwoOrder === 'reverse' ? [...tx.branches].reverse() : tx.branches;
  return line.slice(0, line.indexOf(branch));
}

/** Whether it is a branch's turn to be called, parked or not. */
export function hasItsTurn(tx: GlobalTransaction, branch: Branch): boolean {
  return goBefore(tx, branch).every(({ status }) => status !== 'registered');
}

/** What holds for a branch at any time. */
export function checkBranch(tx: GlobalTransaction, branch: Branch, now: number): void {
  const due = dueOf(tx, branch);
  const open = openPhase(tx) !== undefined && branch.status === 'registered';
  const wanted = open && !branch.parked && hasItsTurn(tx, branch);
  must((due !== undefined) === wanted, 'P1, P3, P4: due exactly while a call is wanted');
  must(branch.spec.payload[0] === variantOf(branch.spec), 'D2: bytes stay as they were');
  checkWaiting(tx, branch);
  if (open) checkStuck(tx, branch, now);
  if (due === undefined || tx.decidedAt === undefined) return;
  must(Number.isSafeInteger(due), 'I7: an unfinished branch is due at some time');
  must(openPhase(tx) === (tx.cause?.kind === 'commit' ? 'confirm' : 'cancel'), 'P1: as decided');
  if (branch.attempts.count > 0) return;
  const floor = mustOutwaitTry(tx, branch) ? branch.notAfter + SKEW_MS : 0;
  must(due >= floor, 'P5: a first Cancel outwaits a Try that may still start');
  const ends = goBefore(tx, branch).map((one) => one.verdict?.at ?? one.attempts.lastAt ?? 0);
  const first = Math.max(tx.decidedAt, floor, ...ends);
  must(due === Math.max(first, branch.attempts.nextAt ?? 0), 'P1: and comes as soon as it may');
  must(first === openSince(tx, branch, SKEW_MS), 'its age counts from there');
}

function checkWaiting(tx: GlobalTransaction, branch: Branch): void {
  const pending = goBefore(tx, branch).filter(({ status }) => status === 'registered');
  must(waitsFor(tx, branch) === pending.at(-1), 'P3: the nearest pending one is waited for');
}

function checkStuck(tx: GlobalTransaction, branch: Branch, now: number): void {
  const stuck = stuckReasonAt(branch, openSince(tx, branch, SKEW_MS), now);
  must(stuck === undefined || stuckReasons.includes(stuck), 'stuck has a known reason');
  if (branch.parked) return must(stuck !== undefined, 'I7: what is parked is shown');
  if (!hasItsTurn(tx, branch)) return must(stuck === undefined, 'who waits is not stuck');
  if (branch.attempts.count >= 5) must(stuck !== undefined, 'five failures are stuck');
}

/** In an ordered phase two one branch is due at a time; the calls of a transaction are of one kind (I1). */
export function checkDue(tx: GlobalTransaction): void {
  if (tx.policy.phaseTwoOrder === 'all') return;
  const due = tx.branches.filter((branch) => dueOf(tx, branch) !== undefined);
  must(due.length <= 1, 'P3: one at a time');
}

/** The first Cancel of a branch whose Try outcome was not told waits, except behind a barrier. */
export function mustOutwaitTry(tx: GlobalTransaction, branch: Branch): boolean {
  return openPhase(tx) === 'cancel' && !branch.tryTold && !branch.spec.barrier;
}

/** What a failed or successful call has made of its branch. */
export function checkAnswer(
  [before, after]: readonly [Branch, Branch],
  outcome: Outcome,
  { next, now }: { readonly next: GlobalTransaction; readonly now: number },
): void {
  must(after.attempts.count === before.attempts.count + 1, 'every answer counts as an attempt');
  must(after.verdict === undefined, 'O2: an answer is no verdict');
  if (outcome.kind === 'done') {
    return must(after.status !== 'registered' && !after.parked, 'P2: OK finishes a branch');
  }
  must(after.status === 'registered', 'P2: only OK finishes a branch');
  must(after.attempts.streak === before.attempts.streak + 1, 'a failure lengthens the streak');
  const stops = before.parked || mustPark(before, outcome);
  must(after.parked === stops, 'P2: parked by the word of the participant, or by setting');
  const due = dueOf(next, after);
  if (stops) return must(due === undefined, 'P4: a parked branch is not due by time');
  const later = (due ?? Number.NaN) - now;
  must(later >= 0 && later <= LONGEST_DELAY_MS, 'P2: any other answer makes it due later');
}

const permanent: readonly number[] = [
  grpcCode.UNIMPLEMENTED,
  grpcCode.PERMISSION_DENIED,
  grpcCode.UNAUTHENTICATED,
  grpcCode.INVALID_ARGUMENT,
];

function mustPark({ spec }: Branch, outcome: Exclude<Outcome, { kind: 'done' }>): boolean {
  switch (outcome.kind) {
    case 'refused':
    case 'parked':
      return true;
    case 'again':
      return false;
    case 'unknown':
      return spec.parkPermanentErrors && permanent.includes(outcome.failure.grpcCode);
  }
}

/** What holding a call back has made of its branch: nothing but what is shown. */
export function checkHeldBack(
  before: GlobalTransaction,
  after: GlobalTransaction,
  branch: Branch,
): boolean {
  const later = after.branches.find(({ spec }) => spec.id === branch.spec.id);
  must(later !== undefined, 'I7: a branch that was held back is still there');
  const { attempts } = branch;
  const silent = dueOf(before, branch) === undefined || attempts.stuckReason !== undefined;
  if (silent) {
    must(later === branch, 'a reason of its own, or none to have, stays');
    return false;
  }
  const { stuckReason, lastFailure, ...kept } = later.attempts;
  must(stuckReason !== undefined && lastFailure !== undefined, 'what was met is shown');
  for (const [key, value] of Object.entries(kept)) {
    must(attempts[key as keyof typeof kept] === value, `held back is no attempt: ${key}`);
  }
  must(later.parked === branch.parked && later.status === branch.status, 'nor an answer');
  must(dueOf(after, later) === dueOf(before, branch), 'it stays due');
  return true;
}
