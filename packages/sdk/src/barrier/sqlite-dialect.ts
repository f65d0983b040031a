/**
 * The barrier's statements for SQLite. BEGIN IMMEDIATE has the one write lock before the first of them, so a plain read sees what
 * is, and no statement waits.
 */
import { isError } from '../errors';
import type { SqlValue } from './local-database';
import type { NewRow, RowKey, SqlDialect, SqlFailure } from './sql-dialect';

const BUSY = 5;
const LOCKED = 6;
/** SQLITE_BUSY_SNAPSHOT: what was read is older than what others have written since. */
const BUSY_SNAPSHOT = 517;

const tableSql = `CREATE TABLE IF NOT EXISTS tercet_barrier (
  run_id  TEXT NOT NULL,
  branch  TEXT NOT NULL,
  slot    TEXT NOT NULL,
  gid     TEXT NOT NULL,
  op      TEXT NOT NULL,
  reply   BLOB,
  tried   BLOB,
  attempt INTEGER NOT NULL,
  time    INTEGER NOT NULL,
  PRIMARY KEY (run_id, branch, slot)
) WITHOUT ROWID`;

const cleanUpSql = `DELETE FROM tercet_barrier WHERE (run_id, branch) IN (
  SELECT run_id, branch FROM tercet_barrier WHERE slot = 'end' AND time < ? LIMIT ?)`;

/** SQLite 3.24 and newer. */
export const sqliteDialect: SqlDialect = {
  family: 'sqlite',
  lockWaitMs: 1_000,
  insert: (row) => ({
    sql:
      'INSERT INTO tercet_barrier (run_id, branch, slot, gid, op, attempt, time) VALUES (?, ?, ?, ?, ?, ?, ?) ' +
      'ON CONFLICT DO NOTHING',
    params: valuesOf(row),
  }),
  inserted: (affected) => affected === 1,
  lockRow: (key) => ({
    sql: 'SELECT op, reply, tried FROM tercet_barrier WHERE run_id = ? AND branch = ? AND slot = ?',
    params: keyOf(key),
  }),
  finish: (key, reply, note) => ({
    // Drivers may bind empty bytes as NULL.
    sql:
      'UPDATE tercet_barrier SET reply = coalesce(?, zeroblob(0)), tried = ? ' +
      'WHERE run_id = ? AND branch = ? AND slot = ?',
    params: [reply, note, ...keyOf(key)],
  }),
  failureOf,
  migration: [
    tableSql,
    "CREATE INDEX IF NOT EXISTS tercet_barrier_ended ON tercet_barrier (time) WHERE slot = 'end'",
    'CREATE TABLE IF NOT EXISTS tercet_barrier_version (version INTEGER PRIMARY KEY)',
    'INSERT INTO tercet_barrier_version SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM tercet_barrier_version)',
  ],
  readVersion: 'SELECT version FROM tercet_barrier_version',
  cleanUp: (before, limit) => ({ sql: cleanUpSql, params: [before, limit] }),
};

/** Whether another connection holds the lock that a statement needs. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === BUSY || code === LOCKED;
}

function failureOf(error: unknown): SqlFailure {
  if (fullCodeOf(error) === BUSY_SNAPSHOT) return 'restart';
  if (isBusy(error)) return 'locked';
  const missing = isError(error) && /no such table: (\w+\.)?tercet_/.test(error.message);
  return missing ? 'no-table' : 'other';
}

/** The primary result code: the low byte. */
function codeOf(error: unknown): number | undefined {
  const code = fullCodeOf(error);
  return code === undefined ? undefined : code & 0xff;
}

/** better-sqlite3 says the names of codes. */
const codeNames: Readonly<Record<string, number>> = {
  SQLITE_BUSY: BUSY,
  SQLITE_LOCKED: LOCKED,
  SQLITE_BUSY_SNAPSHOT: BUSY_SNAPSHOT,
};

function fullCodeOf(error: unknown): number | undefined {
  if (!isError(error)) return undefined;
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  if (typeof errcode === 'number') return errcode;
  return typeof code === 'string' ? codeNames[code] : undefined;
}

function keyOf({ runId, branchId, slot }: RowKey): SqlValue[] {
  return [runId, branchId, slot];
}

function valuesOf(row: NewRow): SqlValue[] {
  return [...keyOf(row), row.gid, row.op, row.attempt, row.time];
}
