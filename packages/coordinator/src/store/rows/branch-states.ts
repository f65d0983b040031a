/**
 * What can change of a transaction's branches ↔ the text of `transactions.states`: a JSON array with one array per
 * branch, in the order of branches.
 *
 * J1 What is null or missing at the end is as usual: what status and cause of the same row say of a branch that
 *    nobody called. The whole text is NULL where all branches are as usual: while trying, and after a commit.
 * J2 The order of fields never changes; new ones come last.
 */
import {
  type Attempts,
  type Branch,
  type DecisionCause,
  type GlobalStatus,
  type GlobalTransaction,
  type StuckReason,
  type Verdict,
} from '@tercet/core';
import { assertState } from '../row-rules';
import { type BranchState, storedState } from '../stored-form';

/** Fields of one branch, in this order (J2). */
type Fields = readonly [
  count?: number | null,
  streak?: number | null,
  firstAt?: number | null,
  lastAt?: number | null,
  nextAt?: number | null,
  failure?: readonly [code: number, message: string, peer: string | null] | null,
  stuckReason?: StuckReason | null,
  status?: Branch['status'] | null,
  phaseOne?: Branch['phaseOne'] | null,
  tryTold?: 0 | 1 | null,
  parked?: 0 | 1 | null,
  verdict?: readonly [asserted: Verdict['asserted'], by: string, at: number, reason: string] | null,
];

/** What a row says of each of its branches by itself. */
type Usual = Pick<Branch, 'status' | 'phaseOne' | 'tryTold'>;

const asUsual = '[]';

/** The text, NULL where every branch is as usual (J1). Throws StoreFailure `data`. */
export function encodeStates(tx: GlobalTransaction): string | null {
  const usual = usualOf(tx.status, tx.cause?.kind);
  let text = '[';
  let changed = false;
  for (const branch of tx.branches) {
    const entry = entryOf(tx, branch, usual);
    if (entry !== asUsual) changed = true;
    text += text.length === 1 ? entry : `,${entry}`;
  }
  return changed ? `${text}]` : null;
}

/** The states of the first `count` branches of a row. */
export function decodeStates(
  row: {
    readonly status: GlobalStatus;
    readonly cause: DecisionCause['kind'] | null;
    readonly states: string | null;
  },
  count: number,
): readonly BranchState[] {
  const usual = usualOf(row.status, row.cause ?? undefined);
  const entries = row.states === null ? [] : (JSON.parse(row.states) as readonly Fields[]);
  return Array.from({ length: count }, (_, place) => stateOf(entries[place] ?? [], usual));
}

function usualOf(status: GlobalStatus, cause: DecisionCause['kind'] | undefined): Usual {
  const committed = cause === 'commit';
  return {
    status: status === 'confirmed' || status === 'cancelled' ? status : 'registered',
    phaseOne: committed ? 'done' : 'none',
    tryTold: committed,
  };
}

/** The short way is that of nearly every branch: called once, well. */
function entryOf(tx: GlobalTransaction, branch: Branch, usual: Usual): string {
  const { attempts } = branch;
  const { count, streak, firstAt, lastAt } = attempts;
  if (!isAsUsual(branch, usual)) return longEntryOf(tx, branch, usual);
  if (firstAt === undefined) {
    const untouched = lastAt === undefined && count === 0 && streak === 0;
    return untouched ? asUsual : longEntryOf(tx, branch, usual);
  }
  const whole = isWhole(count) && isWhole(streak) && isWhole(firstAt) && isWhole(lastAt);
  if (!whole) return longEntryOf(tx, branch, usual);
  return `[${count},${streak},${firstAt},${lastAt}]`;
}

/** Whether nothing but the times and counts of calls has to be written. */
function isAsUsual(branch: Branch, usual: Usual): boolean {
  const { nextAt, lastFailure, stuckReason } = branch.attempts;
  return (
    branch.status === usual.status &&
    branch.phaseOne === usual.phaseOne &&
    branch.tryTold === usual.tryTold &&
    // Nothing but `false`: a value that is no word on it must be seen and refused.
    Object.is(branch.parked, false) &&
    branch.verdict === undefined &&
    nextAt === undefined &&
    lastFailure === undefined &&
    stuckReason === undefined
  );
}

function isWhole(value: number | undefined): value is number {
  return Number.isSafeInteger(value);
}

function longEntryOf(tx: GlobalTransaction, branch: Branch, usual: Usual): string {
  assertState(tx.gid, branch);
  const { attempts, verdict, ...state } = storedState(branch);
  const { count, streak, firstAt, lastAt, nextAt, lastFailure, stuckReason } = attempts;
  const fields: Fields = [
    count,
    streak,
    firstAt ?? null,
    lastAt ?? null,
    nextAt ?? null,
    lastFailure ? [lastFailure.grpcCode, lastFailure.message, lastFailure.peer ?? null] : null,
    stuckReason ?? null,
    state.status === usual.status ? null : state.status,
    state.phaseOne === usual.phaseOne ? null : state.phaseOne,
    state.tryTold === usual.tryTold ? null : state.tryTold ? 1 : 0,
    state.parked ? 1 : null,
    verdict ? [verdict.asserted, verdict.by, verdict.at, verdict.reason] : null,
  ];
  return JSON.stringify(fields.slice(0, fields.findLastIndex((field) => field !== null) + 1));
}

function stateOf(fields: Fields, usual: Usual): BranchState {
  const [, , , , , , , status, phaseOne, tryTold, parked, verdict] = fields;
  return {
    status: status ?? usual.status,
    phaseOne: phaseOne ?? usual.phaseOne,
    tryTold: typeof tryTold === 'number' ? tryTold === 1 : usual.tryTold,
    attempts: attemptsOf(fields),
    parked: parked === 1,
    verdict: verdict
      ? { asserted: verdict[0], by: verdict[1], at: verdict[2], reason: verdict[3] }
      : undefined,
  };
}

function attemptsOf([count, streak, firstAt, lastAt, nextAt, failure, reason]: Fields): Attempts {
  return {
    count: count ?? 0,
    streak: streak ?? 0,
    firstAt: firstAt ?? undefined,
    lastAt: lastAt ?? undefined,
    nextAt: nextAt ?? undefined,
    lastFailure: failure
      ? { grpcCode: failure[0], message: failure[1], peer: failure[2] ?? undefined }
      : undefined,
    stuckReason: reason ?? undefined,
  };
}
