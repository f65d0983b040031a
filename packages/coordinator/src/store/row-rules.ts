/**
 * What no store keeps, as checks. A database's columns refuse wrong types by themselves; what is kept as JSON it takes
 * as it comes, so it is checked before. The memory twin has to fail on the same poison operation as SQLite does, or
 * engine tests would prove something that does not hold in production: it checks everything here.
 */
import type { Attempts, Branch, BranchSpec, Gid, GlobalTransaction, Verdict } from '@tercet/core';
import { StoreFailure } from './store';

const statuses = ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled'];
const causes = ['commit', 'rollback', 'timeout'];

/** Checks a transaction that is to be opened, its branches left out. Throws StoreFailure `data`. */
export function assertOpening(tx: GlobalTransaction): void {
  const bad = problemOf([
    ['gid', isText(tx.gid)],
    ['runId', isText(tx.runId)],
    ['name', isText(tx.name)],
    ['openedAt', isWhole(tx.openedAt)],
    ['deadlineAt', isWhole(tx.deadlineAt)],
    ['labels', Object.values(tx.labels).every(isText)],
  ]);
  refuse(tx.gid, bad);
  assertFresh(tx);
  assertDetails(tx);
}

/** Checks that nothing has happened to a transaction yet. Throws StoreFailure `data`. */
export function assertFresh(tx: GlobalTransaction): void {
  // Once per registration: no list of checks here.
  if (tx.status !== 'trying') refuse(tx.gid, 'status of an open');
  if (tx.epoch !== 1) refuse(tx.gid, 'epoch of an open');
  if (tx.decidedAt !== undefined) refuse(tx.gid, 'decidedAt of an open');
  if (tx.finishedAt !== undefined) refuse(tx.gid, 'finishedAt of an open');
  if (tx.cause !== undefined) refuse(tx.gid, 'cause of an open');
}

/** Checks policy and trace. Throws StoreFailure `data`. */
export function assertDetails({ gid, policy, trace }: GlobalTransaction): void {
  const bad = problemOf([
    ['onTimeout', ['cancel', 'ask', 'none'].includes(policy.onTimeout)],
    ['phaseTwoOrder', ['all', 'registration', 'reverse', 'dag'].includes(policy.phaseTwoOrder)],
    ['trace', trace === undefined || (isText(trace.traceparent) && isText(trace.tracestate))],
  ]);
  refuse(gid, bad);
}

/** Checks status, cause and times. Throws StoreFailure `data`. */
export function assertDecision(tx: GlobalTransaction): void {
  const decided = tx.status !== 'trying';
  const finished = tx.status === 'confirmed' || tx.status === 'cancelled';
  const { cause } = tx;
  const bad = problemOf([
    ['status', statuses.includes(tx.status)],
    ['decidedAt', (tx.decidedAt !== undefined) === decided && isWholeOrNone(tx.decidedAt)],
    ['cause', (cause !== undefined) === decided && (!cause || causes.includes(cause.kind))],
    ['reason', cause?.kind !== 'rollback' || isText(cause.reason)],
    ['finishedAt', (tx.finishedAt !== undefined) === finished && isWholeOrNone(tx.finishedAt)],
  ]);
  refuse(tx.gid, bad);
}

/** Checks the branches that are new from place `from` on, and that no id is there twice. Throws StoreFailure `data`. */
export function assertBranches(tx: GlobalTransaction, from = 0): void {
  assertIds(tx);
  for (const branch of tx.branches.slice(from)) {
    assertSpec(tx.gid, branch.spec);
    assertBytes(tx.gid, branch);
  }
}

/** Checks that every branch has an id of its own. Throws StoreFailure `data`. */
export function assertIds({ gid, branches }: GlobalTransaction): void {
  const distinct = branches.length <= 2 ? bothDiffer(branches) : allDiffer(branches);
  refuse(gid, distinct ? undefined : 'branch ids: one is there twice');
}

/** Two branches are the most frequent case, and a set costs more than they do. */
function bothDiffer([a, b]: readonly Branch[]): boolean {
  return a === undefined || b === undefined || a.spec.id !== b.spec.id;
}

function allDiffer(branches: readonly Branch[]): boolean {
  return new Set(branches.map(({ spec }) => spec.id)).size === branches.length;
}

/** Checks what branches of one definition and target share: everything but id, time and bytes. Throws StoreFailure `data`. */
export function assertSpec(gid: Gid, spec: BranchSpec): void {
  refuse(gid, specProblem(spec));
}

/** Checks id, time and bytes of a branch. Throws StoreFailure `data`. */
export function assertBytes(gid: Gid, { spec, notAfter }: Branch): void {
  const { payload, confirmPayload, cancelPayload } = spec;
  // Once per branch of every registration: no list of checks here.
  if (!isText(spec.id)) refuse(gid, 'branch id');
  if (!isWhole(notAfter)) refuse(gid, 'notAfter');
  if (!(payload instanceof Uint8Array)) refuse(gid, 'payload');
  if (!isBytesOrNone(confirmPayload)) refuse(gid, 'confirmPayload');
  if (!isBytesOrNone(cancelPayload)) refuse(gid, 'cancelPayload');
}

/** Checks the states of all branches. Throws StoreFailure `data`. */
export function assertStates({ gid, branches }: GlobalTransaction): void {
  for (const branch of branches) assertState(gid, branch);
}

/** Checks what can change of a branch. Throws StoreFailure `data`. */
export function assertState(gid: Gid, branch: Branch): void {
  const bad = problemOf([
    ['branch status', ['registered', 'confirmed', 'cancelled'].includes(branch.status)],
    ['phaseOne', ['none', 'started', 'done', 'refused', 'unknown'].includes(branch.phaseOne)],
    ['tryTold', isBit(branch.tryTold)],
    ['parked', isBit(branch.parked)],
    ['verdict', isVerdictOrNone(branch.verdict)],
  ]);
  refuse(gid, bad ?? attemptsProblem(branch.attempts));
}

/** Checks when something is due next. Throws StoreFailure `data`. */
export function assertNextAt(tx: GlobalTransaction, nextAt: number | undefined): void {
  refuse(tx.gid, isWholeOrNone(nextAt) ? undefined : 'nextAt');
}

/** Checks a result. Throws StoreFailure `data`. */
export function assertResult(tx: GlobalTransaction, result: Uint8Array | undefined): void {
  refuse(tx.gid, isBytesOrNone(result) ? undefined : 'result');
}

function specProblem(spec: BranchSpec): string | undefined {
  const { methods, deadlines, retry } = spec;
  const texts = [spec.action, spec.target, ...Object.values(methods), ...spec.after];
  const numbers = [
    ...Object.values(deadlines),
    retry.firstDelayMs,
    retry.maxDelayMs,
    spec.stuckAfterMs,
    spec.stuckAttempts,
  ];
  return problemOf([
    ['text of a branch', texts.every(isText)],
    ['number of a branch', numbers.every(isWhole)],
    ['mode', ['tcc', 'saga', 'message', 'xa'].includes(spec.mode)],
    ['driver', ['initiator', 'coordinator', 'participant'].includes(spec.driver)],
    ['dialect', ['tercet', 'dtm'].includes(spec.dialect)],
    ['parkPermanentErrors', isBit(spec.parkPermanentErrors)],
    ['barrier', isBit(spec.barrier)],
  ]);
}

function attemptsProblem(attempts: Attempts): string | undefined {
  const { count, streak, firstAt, lastAt, nextAt, lastFailure } = attempts;
  return problemOf([
    ['attempts', [count, streak].every(isWhole) && [firstAt, lastAt, nextAt].every(isWholeOrNone)],
    [
      'failure',
      lastFailure === undefined || (isWhole(lastFailure.grpcCode) && isText(lastFailure.message)),
    ],
    ['peer', lastFailure?.peer === undefined || isText(lastFailure.peer)],
  ]);
}

function problemOf(checks: readonly (readonly [string, boolean])[]): string | undefined {
  return checks.find(([, ok]) => !ok)?.[0];
}

function refuse(gid: Gid, problem: string | undefined): void {
  if (problem === undefined) return;
  throw new StoreFailure('data', `transaction ${gid} cannot be stored: ${problem}`);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function isBit(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isVerdictOrNone(verdict: Verdict | undefined): boolean {
  if (verdict === undefined) return true;
  const { asserted, by, at, reason } = verdict;
  return [asserted, by, reason].every(isText) && isWhole(at);
}

function isWholeOrNone(value: unknown): boolean {
  return value === undefined || isWhole(value);
}

function isBytesOrNone(value: unknown): boolean {
  return value === undefined || value instanceof Uint8Array;
}
