/** The memory twin's rows: what each operation makes of one, or that its guard does not match (S2). */
import { type Branch, type BranchId, type GlobalTransaction, isFinished } from '@tercet/core';
import { openStatusOf } from './batch-results';
import {
  assertBranchState,
  assertBranches,
  assertDecision,
  assertHeader,
  assertNextAt,
  assertPhaseOne,
  assertResult,
} from './memory-rules';
import type { DecideOperation, ExtendOperation, ProgressOperation, StoreOperation } from './store';
import {
  storedAttempts,
  storedBranch,
  storedBytes,
  storedCause,
  storedTransaction,
  storedVerdict,
} from './stored-form';

/** One kept transaction, in its stored form. A value: every change makes a new one. */
export interface MemoryRow {
  readonly owner: string;
  readonly tx: GlobalTransaction;
  /** Undefined = nothing is due by time. Means nothing once finished. */
  readonly nextAt: number | undefined;
  readonly result: Uint8Array | undefined;
}

/** The row after an operation of the incarnation `me`, or undefined where the operation's guard does not match. */
export function rowAfter(
  operation: StoreOperation,
  row: MemoryRow | undefined,
  me: string,
): MemoryRow | undefined {
  if (operation.kind === 'open') {
    assertHeader(operation.tx);
    if (row !== undefined) return undefined;
    assertBranches(operation.tx);
    const tx = storedTransaction(operation.tx);
    return { owner: me, tx, nextAt: tx.deadlineAt, result: undefined };
  }
  if (row === undefined || row.owner !== me) return undefined;
  if (operation.kind === 'fence') {
    if (row.tx.epoch !== operation.epoch) return undefined;
    return { ...row, tx: { ...row.tx, epoch: operation.epoch + 1 } };
  }
  if (row.tx.epoch !== operation.tx.epoch || row.tx.runId !== operation.tx.runId) return undefined;
  return changed(operation, row);
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
  const added = operation.tx.branches.slice(operation.before);
  assertBranches({ ...tx, branches: [...tx.branches, ...added] });
  return { ...row, tx: { ...tx, branches: [...tx.branches, ...added.map(storedBranch)] } };
}

function decided(operation: DecideOperation, row: MemoryRow): MemoryRow | undefined {
  const { tx } = row;
  if (tx.status !== 'trying') return undefined;
  const { status, decidedAt, finishedAt, cause } = operation.tx;
  assertDecision(operation.tx);
  assertResult(tx, operation.result);
  const branches = withTold(tx, operation.tx.branches);
  const next = { ...tx, status, decidedAt, finishedAt, cause: storedCause(cause), branches };
  const result = operation.result && storedBytes(operation.result);
  return { ...row, tx: next, result };
}

/** The branches with what was told of their Tries. */
function withTold(tx: GlobalTransaction, told: readonly Branch[]): readonly Branch[] {
  const byId = new Map<BranchId, Branch>(told.map((branch) => [branch.spec.id, branch]));
  return tx.branches.map((branch) => {
    const news = byId.get(branch.spec.id);
    if (news === undefined) return branch;
    assertPhaseOne(tx, news);
    return { ...branch, phaseOne: news.phaseOne, tryTold: news.tryTold };
  });
}

function progressed(operation: ProgressOperation, row: MemoryRow): MemoryRow | undefined {
  const { tx } = row;
  const { status, finishedAt } = operation.tx;
  if (tx.status !== openStatusOf(status) || tx.status === 'trying') return undefined;
  const next = { ...tx, status, finishedAt };
  assertDecision(next);
  // With the end a database does not even look at it.
  const nextAt = isFinished(status) ? undefined : operation.nextAt;
  assertNextAt(tx, nextAt);
  return { ...row, nextAt, tx: { ...next, branches: withProgress(operation, tx) } };
}

/** The branches, those that the operation names with their news. */
function withProgress(operation: ProgressOperation, tx: GlobalTransaction): readonly Branch[] {
  const named = new Set(operation.branchIds);
  const news = operation.tx.branches.filter((branch) => named.has(branch.spec.id));
  const byId = new Map<BranchId, Branch>(news.map((branch) => [branch.spec.id, branch]));
  return tx.branches.map((branch) => {
    const after = byId.get(branch.spec.id);
    if (after === undefined) return branch;
    assertBranchState(tx, after);
    const { status, parked } = after;
    const attempts = storedAttempts(after.attempts);
    return { ...branch, status, attempts, parked, verdict: storedVerdict(after.verdict) };
  });
}
