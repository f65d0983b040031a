/**
 * The embedded store: SQLite in a worker thread, so that waiting for the disk never stops the event loop. This side
 * encodes operations, forms results and keeps a worker alive.
 *
 * E1 One message = one batch = one database transaction = one fsync.
 * E2 A dead worker leaves its requests in doubt (`unknown`). The next request starts another one, which has to get
 *    the lock again and goes on as the same incarnation.
 */
import { type BranchId, type Gid, type GlobalTransaction, TercetError } from '@tercet/core';
import { batchResults } from '../batch-results';
import { decodeCursor, pageOf } from '../list-page';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  type ListQuery,
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreOperation,
  type TransactionPage,
} from '../store';
import { cleanText } from '../stored-form';
import { encodeBatch } from './encode-batch';
import type { Replies, Request, WriteRequest } from './messages';
import {
  assertReadable,
  duePositionOf,
  factsOf,
  readableOf,
  summaryOf,
  transactionOf,
} from '../rows/rows';
import { tombstoneRowOf } from '../rows/tombstone-row';
import { SpecShapes } from '../rows/spec-shapes';
import { SqliteWorker } from './sqlite-worker';

/** What a test may do to a running worker. */
export interface WorkerProbe {
  /** Runs `PRAGMA <text>` on the connection of the data file. */
  pragma(text: string): Promise<readonly unknown[]>;
  /** Ends the worker as a crash would. */
  kill(): Promise<void>;
}

/** Hooks for tests. */
export interface SqliteHooks {
  /** Called with every worker that opened the store. */
  onWorker(probe: WorkerProbe): void;
}

/** Options of {@link SqliteStore}. */
export interface SqliteStoreOptions {
  /** Directory of `tercet.db` and `lock.db`; created with mode 0700 where it is missing. */
  readonly directory: string;
  /** For tests only. Default: none. */
  readonly hooks?: SqliteHooks;
}

const applied: OperationResult = { kind: 'applied' };

/** The store of one coordinator process, in one directory. */
export class SqliteStore implements Store {
  readonly name = 'sqlite';
  private me: string | undefined;
  private worker: Promise<SqliteWorker> | undefined;
  private live: SqliteWorker | undefined;
  private readonly shapes = new SpecShapes();

  constructor(private readonly options: SqliteStoreOptions) {}

  async open(incarnation: string): Promise<void> {
    if (this.me !== undefined) {
      const message = `the store in ${this.options.directory} is open already`;
      throw new TercetError('STORE_IN_USE', { message });
    }
    this.me = incarnation;
    try {
      this.worker = this.start();
      await this.worker;
    } catch (error) {
      this.me = undefined;
      this.worker = undefined;
      throw error;
    }
  }

  async write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    const me = this.incarnation();
    const request = this.encode(batch);
    const reply = await this.ask(request, [request.bytes.buffer]);
    if (reply === undefined) return batch.map(() => applied);
    const missed = new Set(reply.missed);
    const matched = batch.map((_, number) => !missed.has(number));
    const rows = [...reply.facts].map(([gid, row]) => [gid, row && factsOf(row)] as const);
    return batchResults({ batch, matched, facts: new Map(rows), me });
  }

  async claim(limit: number): Promise<readonly GlobalTransaction[]> {
    const incarnation = this.incarnation();
    const claimed = await this.ask({ kind: 'claim', incarnation, limit });
    return claimed.map(transactionOf);
  }

  async facts(gid: Gid): Promise<RowFacts | undefined> {
    const row = await this.ask({ kind: 'facts', gid });
    if (row === undefined) return undefined;
    assertReadable(gid, row.format);
    return factsOf(row);
  }

  async loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]> {
    const rows = await this.ask({ kind: 'load many', gids });
    return readableOf(rows).map(transactionOf);
  }

  async load(gid: Gid): Promise<GlobalTransaction | undefined> {
    const rows = await this.ask({ kind: 'load', gid, owner: undefined });
    return rows && transactionOf(rows);
  }

  async loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    const rows = await this.ask({ kind: 'load', gid, owner: this.incarnation() });
    return rows && transactionOf(rows);
  }

  async loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    return await this.ask({ kind: 'payloads', gid, branchId });
  }

  async loadResult(gid: Gid): Promise<Uint8Array | undefined> {
    return await this.ask({ kind: 'result', gid });
  }

  async due({ before, after, limit }: DueQuery): Promise<readonly DuePosition[]> {
    const owner = this.incarnation();
    const rows = await this.ask({ kind: 'due', owner, before, after, limit });
    return rows.map(duePositionOf);
  }

  async list(query: ListQuery): Promise<TransactionPage> {
    const after = decodeCursor(query.cursor);
    const { statuses, limit } = query;
    const name = query.name === undefined ? undefined : cleanText(query.name);
    const gidPrefix = query.gidPrefix === undefined ? undefined : cleanText(query.gidPrefix);
    const rows = await this.ask({ kind: 'list', statuses, name, gidPrefix, limit, after });
    return pageOf(rows.map(summaryOf), limit);
  }

  async expire(query: ExpireQuery): Promise<Expired> {
    return await this.ask({ kind: 'expire', ...query });
  }

  async finishedAt(place: number): Promise<number | undefined> {
    return await this.ask({ kind: 'finished at', place });
  }

  async importTombstones(tombstones: readonly GlobalTransaction[]): Promise<void> {
    const owner = this.incarnation();
    await this.ask({ kind: 'import tombstones', owner, rows: tombstones.map(tombstoneRowOf) });
  }

  async probe(): Promise<void> {
    await this.ask({ kind: 'probe' });
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.me = undefined;
    this.worker = undefined;
    const live = await worker?.catch(() => undefined);
    if (live === undefined || live.dead) return;
    // The worker answers what is under way first, then ends. Should it die now, it is closed as well.
    await live.ask({ kind: 'close' }).catch(() => live.kill());
    await live.end();
  }

  private incarnation(): string {
    if (this.me === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    return this.me;
  }

  private encode(batch: readonly StoreOperation[]): WriteRequest {
    try {
      return encodeBatch(batch, this.shapes);
    } catch (cause) {
      if (cause instanceof StoreFailure) throw cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new StoreFailure('data', `an operation cannot be encoded: ${text}`, { cause });
    }
  }

  private async ask<R extends Request>(
    request: R,
    moved?: readonly ArrayBuffer[],
  ): Promise<Replies[R['kind']]> {
    this.incarnation();
    const worker = await this.running();
    return await worker.ask(request, moved);
  }

  /** The worker, or a new one in the place of a dead one. Rejects `unavailable` while none can be started. */
  private async running(): Promise<SqliteWorker> {
    if (this.live?.dead === true) {
      this.live = undefined;
      this.worker = this.start();
    }
    this.worker ??= this.start();
    const { worker } = this;
    try {
      return await worker;
    } catch (cause) {
      if (this.worker === worker) this.worker = undefined;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new StoreFailure('unavailable', `the store cannot be opened again: ${text}`, { cause });
    }
  }

  private async start(): Promise<SqliteWorker> {
    const worker = new SqliteWorker();
    const { directory } = this.options;
    try {
      await worker.ask({ kind: 'open', directory, incarnation: this.incarnation() });
    } catch (error) {
      await worker.kill();
      throw error;
    }
    this.live = worker;
    this.options.hooks?.onWorker({
      pragma: (text) => worker.ask({ kind: 'pragma', text }),
      kill: () => worker.kill(),
    });
    return worker;
  }
}
