/**
 * What a database's column types and constraints refuse, as a check: the memory twin must fail on the same poison
 * operation as SQLite does, or engine tests would prove something that does not hold in production.
 */
import type { Attempts, Branch, GlobalTransaction, Verdict } from '@tercet/core';
import { StoreFailure } from './store';

const statuses = ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled'];
const causes = ['commit', 'rollback', 'timeout'];

/** Checks what a row of `transactions` takes. Throws StoreFailure `data`. */
export function assertHeader(tx: GlobalTransaction): void {
  const bad = problemOf([
    ['gid', isText(tx.gid)],
    ['runId', isText(tx.runId)],
    ['name', isText(tx.name)],
    ['onTimeout', ['cancel', 'ask', 'none'].includes(tx.policy.onTimeout)],
    ['phaseTwoOrder', ['all', 'registration', 'reverse', 'dag'].includes(tx.policy.phaseTwoOrder)],
    [
      'trace',
      tx.trace === undefined || (isText(tx.trace.traceparent) && isText(tx.trace.tracestate)),
    ],
    ['openedAt', isWhole(tx.openedAt)],
    ['deadlineAt', isWhole(tx.deadlineAt)],
    ['epoch', isWhole(tx.epoch) && tx.epoch >= 1],
    ['labels', Object.values(tx.labels).every(isText)],
  ]);
  refuse(tx.gid, bad);
  assertDecision(tx);
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

/** Checks what rows of `branches` take, and that no id is there twice. Throws StoreFailure `data`. */
export function assertBranches(tx: GlobalTransaction): void {
  const ids = new Set(tx.branches.map((branch) => branch.spec.id));
  refuse(tx.gid, ids.size === tx.branches.length ? undefined : 'branch ids: one is there twice');
  for (const branch of tx.branches) {
    refuse(tx.gid, specProblem(branch));
    assertBranchState(tx, branch);
  }
}

/** Checks status, attempts, parked and verdict of a branch. Throws StoreFailure `data`. */
export function assertBranchState(tx: GlobalTransaction, branch: Branch): void {
  const bad = problemOf([
    ['branch status', ['registered', 'confirmed', 'cancelled'].includes(branch.status)],
    ['parked', isBit(branch.parked)],
    ['verdict', isVerdictOrNone(branch.verdict)],
  ]);
  refuse(tx.gid, bad ?? attemptsProblem(branch.attempts));
}

/** Checks when something is due next. Throws StoreFailure `data`. */
export function assertNextAt(tx: GlobalTransaction, nextAt: number | undefined): void {
  refuse(tx.gid, isWholeOrNone(nextAt) ? undefined : 'nextAt');
}

/** Checks a result. Throws StoreFailure `data`. */
export function assertResult(tx: GlobalTransaction, result: Uint8Array | undefined): void {
  refuse(tx.gid, isBytesOrNone(result) ? undefined : 'result');
}

/** Checks what was told of a Try. Throws StoreFailure `data`. */
export function assertPhaseOne(tx: GlobalTransaction, branch: Branch): void {
  const known = ['none', 'started', 'done', 'refused', 'unknown'].includes(branch.phaseOne);
  refuse(tx.gid, known ? undefined : 'phaseOne');
}

function specProblem({ spec, phaseOne, notAfter }: Branch): string | undefined {
  const { methods, deadlines, retry } = spec;
  const texts = [spec.id, spec.action, spec.target, ...Object.values(methods), ...spec.after];
  const numbers = [
    ...Object.values(deadlines),
    retry.firstDelayMs,
    retry.maxDelayMs,
    spec.stuckAfterMs,
    spec.stuckAttempts,
    notAfter,
  ];
  return problemOf([
    ['text of a branch', texts.every(isText)],
    ['number of a branch', numbers.every(isWhole)],
    ['mode', ['tcc', 'saga', 'message', 'xa'].includes(spec.mode)],
    ['driver', ['initiator', 'coordinator', 'participant'].includes(spec.driver)],
    ['dialect', ['tercet', 'dtm'].includes(spec.dialect)],
    ['phaseOne', ['none', 'started', 'done', 'refused', 'unknown'].includes(phaseOne)],
    ['parkPermanentErrors', isBit(spec.parkPermanentErrors)],
    ['payload', spec.payload instanceof Uint8Array],
    ['confirmPayload', isBytesOrNone(spec.confirmPayload)],
    ['cancelPayload', isBytesOrNone(spec.cancelPayload)],
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

function refuse(gid: string, problem: string | undefined): void {
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
