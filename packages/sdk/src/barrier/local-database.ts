/**
 * What the barrier needs of an SQL database and its driver: an open local transaction, and statements in it. One
 * implementation for each driver; the rules, restarts and checks stand above it, once.
 */
import type { SqlDialect } from './sql-dialect';

/** What a parameter of a barrier's statement can be. */
export type SqlValue = string | number | Uint8Array | null;

/** What a statement of the barrier was answered with. */
export interface StatementResult {
  /** Blobs are Uint8Arrays; 64-bit integers are numbers or texts. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Rows that were inserted, changed or removed, as the server said it. */
  readonly affected: number;
}

/** One open transaction on a connection that belongs to it until it ends. */
export interface LocalTransaction<Db> {
  /** What the handler works with. Refuses to begin, commit, roll back or release, with an Error that says why. */
  readonly db: Db;
  /** Runs a statement of the barrier itself. Placeholders are `?`; the driver's adapter turns them into its own. */
  statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult>;
  /**
   * From now on the handler runs: `db` may be used; where the transaction ends under it (a swallowed deadlock, a COMMIT
   * of its own, DDL) nothing more of it may take effect.
   */
  handlerStarts(): void;
  /**
   * The handler has ended, well or not: `db` refuses everything from now on. Resolves when nothing of it is under way. Rejects with
   * BarrierError where the transaction is not the one any more that was begun: something of the handler may be committed. A
   * transaction that a failed statement spoilt (PostgreSQL) still is the one that was begun: the engine rolls it back where
   * the handler threw, and finds out by its last statement where the handler swallowed the error.
   */
  handlerEnded(): Promise<void>;
  /** Resolves when the server said COMMIT. Rejects where it did not, or nobody knows; the connection is then done away with. */
  commit(): Promise<void>;
  /** Never rejects: a connection that cannot roll back is done away with. May be called after a failed `commit`. */
  rollback(): Promise<void>;
}

/** Bounds of one local transaction. */
export interface TransactionBounds {
  /** After so many ms without a statement the server may roll back by itself: the participant is lost then. */
  readonly idleMs: number;
  /** How long to wait for a connection at most: what is left of the call's deadline, ms. Default: `idleMs`. */
  readonly connectMs?: number;
}

/** A database, through the user's own pool or connection. */
export interface LocalDatabase<Db> {
  readonly dialect: SqlDialect;
  /**
   * Begins a transaction. Rejects with BarrierError naming the pool where it is closed or exhausted, with TccRetry where the
   * caller may simply come again; what the driver throws may also pass: the engine asks the dialect what it means.
   */
  begin(bounds: TransactionBounds): Promise<LocalTransaction<Db>>;
  /** A statement outside of any transaction: checks, migration, cleaning. */
  statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult>;
}
