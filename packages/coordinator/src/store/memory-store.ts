/**
 * The in-memory twin of the stores: the same guards, results, failures and cursors, no driver, no file. What was
 * written survives `close` and `open` of the same instance, which is how tests restart a coordinator. It answers in
 * microtasks only, so it stands still with a virtual clock.
 */
import {
  type Branch,
  type BranchId,
  type Gid,
  type GlobalTransaction,
  TercetError,
  isFinished,
} from '@tercet/core';
import { batchResults, gidOf, gidsInQuestion, openStatusOf } from './batch-results';
import { comparePositions, decodeCursor, pageOf, positionOf } from './list-page';
import {
  assertBranchState,
  assertBranches,
  assertDecision,
  assertHeader,
  assertPhaseOne,
} from './memory-rules';
import {
  type DecideOperation,
  type ExtendOperation,
  type ListQuery,
  type OperationResult,
  type ProgressOperation,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreOperation,
  type TransactionPage,
  type TransactionSummary,
} from './store';
import {
  cleanText,
  storedAttempts,
  storedBranch,
  storedCause,
  storedTransaction,
} from './stored-form';

interface Row {
  readonly owner: string;
  readonly tx: GlobalTransaction;
}

/** A store for tests and for trying Tercet out: nothing survives the process. */
export class MemoryStore implements Store {
  readonly name = 'memory';
  private rows = new Map<string, Row>();
  private me: string | undefined;

  async open(incarnation: string): Promise<void> {
    if (this.me !== undefined) {
      throw new TercetError('STORE_IN_USE', { message: 'this memory store is open already' });
    }
    this.me = incarnation;
  }

  async write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    const me = this.incarnation();
    // All or nothing (S1): changes go into a copy that replaces the rows once every operation is through.
    const draft = new Map(batch.map((op) => [gidOf(op), this.rows.get(gidOf(op))]));
    const matched = batch.map((operation) => {
      const after = rowAfter(operation, draft.get(gidOf(operation)), me);
      if (after !== undefined) draft.set(gidOf(operation), after);
      return after !== undefined;
    });
    for (const [gid, row] of draft) if (row !== undefined) this.rows.set(gid, row);
    const asked = [...gidsInQuestion(batch, matched)];
    const facts = new Map(asked.map((gid) => [gid, factsOf(this.rows.get(gid))]));
    return batchResults({ batch, matched, facts, me });
  }

  async claim(limit: number): Promise<readonly GlobalTransaction[]> {
    const me = this.incarnation();
    const theirs = [...this.rows.values()].filter(
      (row) => row.owner !== me && !isFinished(row.tx.status),
    );
    return theirs.slice(0, limit).map(({ tx }) => {
      const mine = { owner: me, tx: { ...tx, epoch: tx.epoch + 1 } };
      this.rows.set(tx.gid, mine);
      return copyOf(mine.tx);
    });
  }

  async load(gid: Gid): Promise<GlobalTransaction | undefined> {
    this.incarnation();
    const row = this.rows.get(gid);
    return row === undefined ? undefined : copyOf(row.tx);
  }

  async list(query: ListQuery): Promise<TransactionPage> {
    this.incarnation();
    const after = decodeCursor(query.cursor);
    const name = query.name === undefined ? undefined : cleanText(query.name);
    const found = [...this.rows.values()]
      .map(({ tx }) => summaryOf(tx))
      .filter((row) => query.statuses.length === 0 || query.statuses.includes(row.status))
      .filter((row) => name === undefined || row.name === name)
      .filter((row) => row.gid.startsWith(query.gidPrefix ?? ''))
      .filter((row) => after === undefined || comparePositions(positionOf(row), after) > 0)
      .sort((a, b) => comparePositions(positionOf(a), positionOf(b)));
    return pageOf(found.slice(0, query.limit + 1), query.limit);
  }

  async probe(): Promise<void> {
    this.incarnation();
  }

  async close(): Promise<void> {
    this.me = undefined;
  }

  private incarnation(): string {
    if (this.me === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    return this.me;
  }
}

/** The row after an operation, or undefined where the operation's guard does not match. */
function rowAfter(operation: StoreOperation, row: Row | undefined, me: string): Row | undefined {
  if (operation.kind === 'open') {
    assertHeader(operation.tx);
    if (row !== undefined) return undefined;
    assertBranches(operation.tx);
    return { owner: me, tx: storedTransaction(operation.tx) };
  }
  if (row === undefined || row.owner !== me) return undefined;
  if (operation.kind === 'fence') {
    if (row.tx.epoch !== operation.epoch) return undefined;
    return { owner: me, tx: { ...row.tx, epoch: operation.epoch + 1 } };
  }
  if (row.tx.epoch !== operation.tx.epoch || row.tx.runId !== operation.tx.runId) return undefined;
  const tx = changed(operation, row.tx);
  return tx === undefined ? undefined : { owner: me, tx };
}

function changed(
  operation: ExtendOperation | DecideOperation | ProgressOperation,
  tx: GlobalTransaction,
): GlobalTransaction | undefined {
  switch (operation.kind) {
    case 'extend':
      return extended(operation, tx);
    case 'decide':
      return decided(operation, tx);
    case 'progress':
      return progressed(operation, tx);
  }
}

function extended(
  operation: ExtendOperation,
  tx: GlobalTransaction,
): GlobalTransaction | undefined {
  if (tx.status !== 'trying' || tx.branches.length !== operation.before) return undefined;
  const added = operation.tx.branches.slice(operation.before);
  assertBranches({ ...tx, branches: [...tx.branches, ...added] });
  return { ...tx, branches: [...tx.branches, ...added.map(storedBranch)] };
}

function decided(operation: DecideOperation, tx: GlobalTransaction): GlobalTransaction | undefined {
  if (tx.status !== 'trying') return undefined;
  const { status, decidedAt, finishedAt, cause, branches } = operation.tx;
  assertDecision(operation.tx);
  const told = new Map<BranchId, Branch>(branches.map((branch) => [branch.spec.id, branch]));
  return {
    ...tx,
    status,
    decidedAt,
    finishedAt,
    cause: storedCause(cause),
    branches: tx.branches.map((branch) => {
      const news = told.get(branch.spec.id);
      if (news === undefined) return branch;
      assertPhaseOne(tx, news);
      return { ...branch, phaseOne: news.phaseOne, tryTold: news.tryTold };
    }),
  };
}

function progressed(
  operation: ProgressOperation,
  tx: GlobalTransaction,
): GlobalTransaction | undefined {
  const { status, finishedAt } = operation.tx;
  if (tx.status !== openStatusOf(status) || tx.status === 'trying') return undefined;
  assertDecision({ ...tx, status, finishedAt });
  const named = new Set(operation.branchIds);
  const news = operation.tx.branches.filter((branch) => named.has(branch.spec.id));
  const byId = new Map<BranchId, Branch>(news.map((branch) => [branch.spec.id, branch]));
  const branches = tx.branches.map((branch) => {
    const after = byId.get(branch.spec.id);
    if (after === undefined) return branch;
    assertBranchState(tx, after);
    return { ...branch, status: after.status, attempts: storedAttempts(after.attempts) };
  });
  return { ...tx, status, finishedAt, branches };
}

function factsOf(row: Row | undefined): RowFacts | undefined {
  if (row === undefined) return undefined;
  const { epoch, runId, status, branches } = row.tx;
  return { owner: row.owner, epoch, runId, status, branches: branches.length };
}

function summaryOf(tx: GlobalTransaction): TransactionSummary {
  const { gid, runId, name, status, openedAt, decidedAt, finishedAt, cause, branches } = tx;
  const times = { openedAt, decidedAt, finishedAt };
  return { gid, runId, name, status, branches: branches.length, ...times, cause: cause?.kind };
}

/** Bytes are copied on their way out too: a reader cannot change what is stored. */
function copyOf(tx: GlobalTransaction): GlobalTransaction {
  return storedTransaction(tx);
}
