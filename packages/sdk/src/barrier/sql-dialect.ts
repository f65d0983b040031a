/** The barrier's statements, as one family of servers speaks them. Written once per family, used by every driver. */
import type { SqlValue } from './local-database';

/** Version of the table that this SDK works with; what `migration` leaves in `tercet_barrier_version`. */
export const BARRIER_TABLE_VERSION = 1;

/** A statement and its parameters. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** The slot of a row. */
export type Slot = 'try' | 'end';

/** The primary key of a row. */
export interface RowKey {
  readonly runId: string;
  readonly branchId: string;
  readonly slot: Slot;
}

/** A row to insert. `reply` and `tried` stay NULL until `finish`: a committed row without a reply was never finished. */
export interface NewRow extends RowKey {
  readonly gid: string;
  /** Who wrote it: a `cancel` in slot `try` is a marker. */
  readonly op: 'try' | 'confirm' | 'cancel';
  readonly attempt: number;
  /** Unix ms. */
  readonly time: number;
}

/** What a failed statement means for the local transaction. */
export type SqlFailure =
  /** Deadlock or serialisation failure: the whole local transaction again. */
  | 'restart'
  /** The row stayed locked for as long as we wait. */
  | 'locked'
  /** The table is not there. */
  | 'no-table'
  /** Anything else. */
  | 'other';

/** A family of servers. */
export interface SqlDialect {
  readonly family: 'mysql' | 'postgres' | 'sqlite';
  /** How long a statement on a barrier row waits for its lock at most, ms. */
  readonly lockWaitMs: number;
  /** Inserts a row, or does nothing where its key is taken. `inserted` reads the answer. Waits at most `lockWaitMs`. */
  insert(row: NewRow): Statement;
  /** Whether `insert` made the row. */
  inserted(affected: number): boolean;
  /**
   * Reads one row by its full key, locking it, as it is now (not as an older snapshot has it): at most one row with the
   * columns `op` (text), `reply` and `tried` (bytes or NULL). One slot at a time, so that the engine keeps the order of
   * locks (`try` before `end`) whatever order an index has. Waits at most `lockWaitMs`.
   */
  lockRow(key: RowKey): Statement;
  /**
   * Where the server can do it in one statement: locks the `try` row, and inserts `row` (slot `end`) if that is there with
   * op `try` and `end` is not. Answers exactly one row with Try's `reply` and `tried` where it inserted, and none where it
   * did not (the engine then goes step by step, and finds out why). Saves two statements of a Confirm or Cancel. The method may
   * be left out, and may answer undefined for a phase where it would lock gaps: a Cancel often finds no `try`.
   * Waits at most `lockWaitMs`.
   */
  takeEnd?(row: NewRow): Statement | undefined;
  /**
   * For a Cancel, where the server can do it in one statement and locks no gap: inserts `marker` (slot `try`) and then `end`, each
   * unless its key is taken; a row that is there is locked instead. Answers both rows with `slot`, the columns of `lockRow`, and
   * `found`: 1 where the row was there before, 0 where it is new. The marker of an earlier Cancel may count as new, since the
   * verdict is the same. A row `end` that was found may be changed: whoever finds one rolls back. Saves two statements of a
   * Cancel. May be left out, and may answer undefined. Waits at most `lockWaitMs` for each row.
   */
  takeBoth?(marker: NewRow, end: NewRow): Statement | undefined;
  /**
   * Writes reply and note into the own row: the last statement before COMMIT. Must match the row of this very transaction,
   * as far as the server can tell. An empty reply must not become NULL.
   */
  finish(key: RowKey, reply: Uint8Array, note: Uint8Array | null): Statement;
  /** What an error of the driver means. */
  failureOf(error: unknown): SqlFailure;
  /** Creates what is not there yet, step by step; every step may be repeated. */
  readonly migration: readonly string[];
  /** Reads the version of the table: one row `version`. Fails with `no-table` where there is none. */
  readonly readVersion: string;
  /**
   * Removes both rows of at most `limit` branches whose `end` was written before `before` (Unix ms). By full key: never a lone
   * `try`, never a row of another branch of the run. `affected` = rows removed.
   */
  cleanUp(before: number, limit: number): Statement;
}
