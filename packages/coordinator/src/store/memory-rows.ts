/** The memory twin's rows: what each operation makes of one, or that its guard does not match (S2). */
import { type Branch, type GlobalTransaction, isFinished } from '@tercet/core';
import { openStatusOf } from './batch-results';
import { ROW_FORMAT } from './rows/columns';
import {
  assertBranches,
  assertDecision,
  assertNextAt,
  assertOpening,
  assertResult,
  assertStates,
} from './row-rules';
import type {
  DecideOperation,
  ExtendOperation,
  ProgressOperation,
  StoreOperation,
  TakeOperation,
} from './store';
import {
  storedBranch,
  storedBytes,
  storedCause,
  storedState,
  storedTransaction,
} from './stored-form';

/** One kept transaction, in its stored form. A value: every change makes a new one. */
export interface MemoryRow {
  readonly owner: string;
  readonly tx: GlobalTransaction;
  /** Undefined = nothing is due by time. Means nothing once finished. */
  readonly nextAt: number | undefined;
  readonly result: Uint8Array | undefined;
  /** Format of the row; one that is newer than what this version reads is neither read nor taken. */
  readonly format: number;
}

/** The row after an operation of the incarnation `me`, or undefined where the operation's guard does not match. */
export function rowAfter(
  operation: StoreOperation,
  row: MemoryRow | undefined,
  me: string,
): MemoryRow | undefined {
  assertOperation(operation);
  if (operation.kind === 'open') {
    if (row !== undefined) return undefined;
    const tx = storedTransaction(operation.tx);
    return { owner: me, tx, nextAt: tx.deadlineAt, result: undefined, format: ROW_FORMAT };
  }
  if (operation.kind === 'take') return taken(operation, row, me);
  if (row === undefined || row.owner !== me) return undefined;
  if (operation.kind === 'fence') {
    if (row.tx.epoch !== operation.epoch) return undefined;
    return { ...row, tx: { ...row.tx, epoch: operation.epoch + 1 } };
  }
  if (row.tx.epoch !== operation.tx.epoch || row.tx.runId !== operation.tx.runId) return undefined;
  return changed(operation, row);
}

/** Whether a row may change hands: it is unfinished, and of a format that is read. */
export function isClaimable({ tx, format }: MemoryRow): boolean {
  return !isFinished(tx.status) && format <= ROW_FORMAT;
}

/** What is wrong by itself is refused whether or not the guard matches. */
function assertOperation(operation: StoreOperation): void {
  if (operation.kind === 'fence' || operation.kind === 'take') return;
  const { tx } = operation;
  if (operation.kind === 'open') {
    assertOpening(tx);
    assertBranches(tx);
  }
  if (operation.kind === 'extend') assertBranches(tx, operation.before);
  assertStates(tx);
}

function taken(
  operation: TakeOperation,
  row: MemoryRow | undefined,
  me: string,
): MemoryRow | undefined {
  if (row === undefined || !isClaimable(row)) return undefined;
  const { owner, epoch, runId } = operation;
  if (row.owner !== owner || row.tx.epoch !== epoch || row.tx.runId !== runId) return undefined;
  return { ...row, owner: me, tx: { ...row.tx, epoch: epoch + 1 } };
}

function changed(
  operation: ExtendOperation | DecideOperation | ProgressOperation,
  row: MemoryRow,
): MemoryRow | undefined {
  switch (operation.kind) {
    case 'extend':
      return extended(operation, row);
    case 'decide':
      return decided(operation, row);
    case 'progress':
      return progressed(operation, row);
  }
}

function extended(operation: ExtendOperation, row: MemoryRow): MemoryRow | undefined {
  const { tx } = row;
  if (tx.status !== 'trying' || tx.branches.length !== operation.before) return undefined;
  const added = operation.tx.branches.slice(operation.before).map(storedBranch);
  const branches = withStates([...tx.branches, ...added], operation.tx.branches);
  return { ...row, tx: { ...tx, branches } };
}

function decided(operation: DecideOperation, row: MemoryRow): MemoryRow | undefined {
  const { tx } = row;
  if (tx.status !== 'trying' || !sameCount(tx, operation.tx)) return undefined;
  const { status, decidedAt, finishedAt, cause } = operation.tx;
  assertDecision(operation.tx);
  assertResult(tx, operation.result);
  const branches = withStates(tx.branches, operation.tx.branches);
  const next = { ...tx, status, decidedAt, finishedAt, cause: storedCause(cause), branches };
  const result = operation.result && storedBytes(operation.result);
  return { ...row, tx: next, result };
}

function progressed(operation: ProgressOperation, row: MemoryRow): MemoryRow | undefined {
  const { tx } = row;
  const { status, finishedAt } = operation.tx;
  if (tx.status !== openStatusOf(status) || !sameCount(tx, operation.tx)) return undefined;
  const next = { ...tx, status, finishedAt };
  assertDecision(next);
  // With the end a database does not even look at it.
  const nextAt = isFinished(status) ? undefined : operation.nextAt;
  assertNextAt(tx, nextAt);
  return {
    ...row,
    nextAt,
    tx: { ...next, branches: withStates(tx.branches, operation.tx.branches) },
  };
}

function sameCount(a: GlobalTransaction, b: GlobalTransaction): boolean {
  return a.branches.length === b.branches.length;
}

/** The branches with the states of `news`, place by place. */
function withStates(branches: readonly Branch[], news: readonly Branch[]): readonly Branch[] {
  return branches.map((branch, place) => {
    const after = news[place];
    return after === undefined ? branch : { ...branch, ...storedState(after) };
  });
}
