/**
 * A barrier over books in memory, as the table of the contract says it, one local transaction at a time: `ctx.db` works on a
 * copy of the books, which takes their place at COMMIT.
 */
import type { Barrier, BarrierCall, BarrierEnd, BarrierWork, StoredTry } from '@tercet/sdk';
import { type Books, Rows } from './stock-books';

interface Branch {
  /** Who took the slot `try`. */
  readonly try: 'try' | 'marker';
  readonly end: 'confirm' | 'cancel' | undefined;
  readonly tried: StoredTry | undefined;
}

/** Where the books are. */
export interface HasBooks {
  books: Books;
}

/** A barrier over the books of `kept`. */
export class MemoryBarrier implements Barrier<Rows> {
  readonly name = 'memory';
  readonly retentionMs = 2_592_000_000;
  private readonly branches = new Map<string, Branch>();
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly kept: HasBooks) {}

  carryOut(call: BarrierCall, work: BarrierWork<Rows>): Promise<BarrierEnd> {
    const turn = this.queue.then(() => this.inTurn(call, work));
    this.queue = turn.catch(() => {});
    return turn;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  migrate(): Promise<void> {
    return Promise.resolve();
  }

  cleanUp(): Promise<number> {
    return Promise.resolve(0);
  }

  private async inTurn(call: BarrierCall, work: BarrierWork<Rows>): Promise<BarrierEnd> {
    const key = `${call.runId} ${call.branchId}`;
    const row = this.branches.get(key);
    const ended = endWithoutWork(call, row);
    if (ended !== undefined) {
      if (ended.kind === 'empty') this.branches.set(key, marker);
      return ended;
    }
    const books = structuredClone(this.kept.books);
    const done = await work({ db: new Rows(books), tried: row?.tried });
    this.kept.books = books;
    this.branches.set(key, rowAfter(call, row, done));
    return { kind: 'done', ...done };
  }
}

const marker: Branch = { try: 'marker', end: 'cancel', tried: undefined };

function rowAfter({ phase }: BarrierCall, row: Branch | undefined, done: StoredTry): Branch {
  if (phase === 'try') return { try: 'try', end: undefined, tried: done };
  return row === undefined ? marker : { ...row, end: phase };
}

/** How the call ends where its work is not done; undefined = it is. */
function endWithoutWork(call: BarrierCall, row: Branch | undefined): BarrierEnd | undefined {
  const { phase } = call;
  if (phase === 'try') return endOfTry(row);
  if (row?.end === phase) return { kind: 'duplicate', reply: new Uint8Array(), note: undefined };
  if (row?.end !== undefined) return { kind: 'conflict', message: `it ended with ${row.end}` };
  if (row !== undefined) return undefined;
  if (phase === 'confirm') return { kind: 'conflict', message: 'never tried, or cleaned up' };
  return call.cancelWhenTryUnknown === 'call' ? undefined : { kind: 'empty' };
}

function endOfTry(row: Branch | undefined): BarrierEnd | undefined {
  if (row === undefined) return undefined;
  if (row.try === 'marker' || row.end === 'cancel') return { kind: 'late' };
  const { reply = new Uint8Array(), note } = row.tried ?? {};
  return { kind: 'duplicate', reply, note };
}
