/**
 * The in-memory twin of the stores: the same guards, results, failures and cursors, no driver, no file. What was
 * written survives `close` and `open` of the same instance, which is how tests restart a coordinator. Several on one
 * {@link SharedMemory} are nodes of one store. It answers in microtasks only, so it stands still with a virtual clock.
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
import { expireRows, finishedAtPlace } from './memory-expiry';
import { type MemoryRow, isClaimable, rowAfter } from './memory-rows';
import { ROW_FORMAT } from './rows/columns';
import { assertReadable } from './rows/rows';
import { tombstoneRowOf } from './rows/tombstone-row';
import { SharedMemory } from './shared-memory';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  type ListQuery,
  type NodesListener,
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  removedFailure,
  type StoreNodes,
  type StoreOperation,
  type TransactionPage,
  type TransactionSummary,
} from './store';
import { cleanText, storedBytes, storedTransaction } from './stored-form';

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** What it shares with others. Default: nothing, it is alone and takes over whatever another incarnation has left. */
  readonly shared?: SharedMemory;
}

/** A store for tests and for trying Tercet out: nothing survives the process. */
export class MemoryStore implements Store {
  readonly name = 'memory';
  readonly nodes: StoreNodes | undefined;
  private readonly shared: SharedMemory;
  private readonly rows: Map<string, MemoryRow>;
  private listener: NodesListener | undefined;
  private me: string | undefined;

  constructor({ shared }: MemoryStoreOptions = {}) {
    this.shared = shared ?? new SharedMemory();
    this.rows = this.shared.rows;
    this.nodes = shared && { listen: (listener) => (this.listener = listener) };
  }

  async open(incarnation: string): Promise<void> {
    if (this.me !== undefined) {
      throw new TercetError('STORE_IN_USE', { message: 'this memory store is open already' });
    }
    this.me = incarnation;
    this.shared.join(incarnation, this.listener);
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
      (row) => row.owner !== me && !this.shared.isNode(row.owner) && isClaimable(row),
    );
    return theirs.slice(0, limit).map((row) => {
      const mine = { ...row, owner: me, tx: { ...row.tx, epoch: row.tx.epoch + 1 } };
      this.rows.set(row.tx.gid, mine);
      return copyOf(mine.tx);
    });
  }

  async facts(gid: Gid): Promise<RowFacts | undefined> {
    return factsOf(this.readable(gid));
  }

  async loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]> {
    this.incarnation();
    const found = gids.flatMap((gid) => this.rows.get(gid) ?? []);
    return found.filter((row) => row.format <= ROW_FORMAT).map(({ tx }) => copyOf(tx));
  }

  async load(gid: Gid): Promise<GlobalTransaction | undefined> {
    const row = this.readable(gid);
    return row && copyOf(row.tx);
  }

  async loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    const row = this.rows.get(gid);
    if (!isMine(row, this.incarnation())) return undefined;
    assertReadable(gid, row.format);
    return copyOf(row.tx);
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

  async expire(query: ExpireQuery): Promise<Expired> {
    this.incarnation();
    return expireRows(this.rows, query);
  }

  async finishedAt(place: number): Promise<number | undefined> {
    this.incarnation();
    return finishedAtPlace(this.rows, place);
  }

  async importTombstones(tombstones: readonly GlobalTransaction[]): Promise<void> {
    const owner = this.incarnation();
    for (const tombstone of tombstones) {
      tombstoneRowOf(tombstone);
      if (this.rows.has(tombstone.gid)) continue;
      const tx = { ...storedTransaction(tombstone), epoch: 1 };
      const row = { owner, tx, nextAt: undefined, result: undefined, format: ROW_FORMAT };
      this.rows.set(tx.gid, row);
    }
  }

  async probe(): Promise<void> {
    this.incarnation();
  }

  async close(): Promise<void> {
    if (this.me !== undefined) this.shared.leave(this.me);
    this.me = undefined;
  }

  private readable(gid: Gid): MemoryRow | undefined {
    this.incarnation();
    const row = this.rows.get(gid);
    if (row !== undefined) assertReadable(gid, row.format);
    return row;
  }

  private incarnation(): string {
    if (this.me === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    if (this.shared.knowsItIsRemoved(this.me)) throw removedFailure();
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
  const { epoch, runId, status } = row.tx;
  return { owner: row.owner, epoch, runId, status, branches: branchCount(row.tx) };
}

function branchCount({ branches, tombstone }: GlobalTransaction): number {
  return tombstone?.branches ?? branches.length;
}

function summaryOf(tx: GlobalTransaction): TransactionSummary {
  const { gid, runId, name, status, openedAt, decidedAt, finishedAt, cause } = tx;
  const times = { openedAt, decidedAt, finishedAt };
  const tombstone = tx.tombstone !== undefined;
  const branches = branchCount(tx);
  return { gid, runId, name, status, branches, ...times, cause: cause?.kind, tombstone };
}

/** Bytes are copied on their way out too: a reader cannot change what is stored. */
function copyOf(tx: GlobalTransaction): GlobalTransaction {
  return storedTransaction(tx);
}
