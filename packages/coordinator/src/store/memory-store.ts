/**
 * The in-memory twin of the stores: the same guards, results, failures and cursors, no driver, no file. What was
 * written survives `close` and `open` of the same instance, which is how tests restart a coordinator. It answers in
 * microtasks only, so it stands still with a virtual clock.
 */
import {
  type BranchId,
  type Gid,
  type GlobalTransaction,
  TercetError,
  findBranch,
  isFinished,
} from '@tercet/core';
import { batchResults, gidOf, gidsInQuestion } from './batch-results';
import { comparePositions, decodeCursor, pageOf, positionOf } from './list-page';
import { type MemoryRow, rowAfter } from './memory-rows';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type ListQuery,
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreOperation,
  type TransactionPage,
  type TransactionSummary,
} from './store';
import { cleanText, storedBytes, storedTransaction } from './stored-form';

/** A store for tests and for trying Tercet out: nothing survives the process. */
export class MemoryStore implements Store {
  readonly name = 'memory';
  private rows = new Map<string, MemoryRow>();
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
    return theirs.slice(0, limit).map((row) => {
      const mine = { ...row, owner: me, tx: { ...row.tx, epoch: row.tx.epoch + 1 } };
      this.rows.set(row.tx.gid, mine);
      return copyOf(mine.tx);
    });
  }

  async load(gid: Gid): Promise<GlobalTransaction | undefined> {
    this.incarnation();
    const row = this.rows.get(gid);
    return row && copyOf(row.tx);
  }

  async loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    const row = this.rows.get(gid);
    return isMine(row, this.incarnation()) ? copyOf(row.tx) : undefined;
  }

  async loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    this.incarnation();
    const row = this.rows.get(gid);
    const spec = row && findBranch(row.tx, branchId)?.spec;
    return (
      spec && {
        payload: storedBytes(spec.payload),
        confirmPayload: spec.confirmPayload && storedBytes(spec.confirmPayload),
        cancelPayload: spec.cancelPayload && storedBytes(spec.cancelPayload),
      }
    );
  }

  async loadResult(gid: Gid): Promise<Uint8Array | undefined> {
    this.incarnation();
    const result = this.rows.get(gid)?.result;
    return result && storedBytes(result);
  }

  async due({ before, after, limit }: DueQuery): Promise<readonly DuePosition[]> {
    const me = this.incarnation();
    return [...this.rows.values()]
      .flatMap((row) => (isMine(row, me) ? dueAt(row) : []))
      .filter(({ nextAt }) => nextAt <= before)
      .filter((place) => after === undefined || compareDue(place, after) > 0)
      .sort(compareDue)
      .slice(0, limit);
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

/** Whether the row is an unfinished one of `me`. */
function isMine(row: MemoryRow | undefined, me: string): row is MemoryRow {
  return row?.owner === me && !isFinished(row.tx.status);
}

function dueAt({ tx, nextAt }: MemoryRow): readonly DuePosition[] {
  return nextAt === undefined ? [] : [{ nextAt, gid: tx.gid }];
}

function compareDue(a: DuePosition, b: DuePosition): number {
  if (a.nextAt !== b.nextAt) return a.nextAt - b.nextAt;
  return a.gid === b.gid ? 0 : a.gid < b.gid ? -1 : 1;
}

function factsOf(row: MemoryRow | undefined): RowFacts | undefined {
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
