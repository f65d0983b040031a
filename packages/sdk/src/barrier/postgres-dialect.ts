/**
 * The barrier's statements for PostgreSQL 13 and newer.
 *
 * PD1 A lock is waited for `lockWaitMs` at most, in the barrier's own statements only: `lock_timeout` is set before the rows
 *     are touched and put back after it, inside the same statement (each part reads the one before it, and MATERIALIZED keeps
 *     the server from merging them). A failed statement needs no putting back: its transaction is over.
 * PD2 `ON CONFLICT DO NOTHING` never fails on a duplicate, so nothing is spoilt; at REPEATABLE READ and above a duplicate that is
 *     newer than the snapshot raises 40001, which is a restart.
 * PD3 The last statement matches only what this very transaction wrote: `xmin` of the row is its number. A COMMIT of the
 *     handler's own, also COMMIT AND CHAIN, leaves a row that it does not match.
 * PD4 Rows of a branch are locked `try` first, also by the cleaning, which passes over what is locked.
 */
import type { SqlValue } from './local-database';
import type { NewRow, RowKey, SqlDialect, SqlFailure, Statement } from './sql-dialect';

const lockWaitMs = 1_000;

/** Remembers the user's `lock_timeout` and sets ours. */
const bound = `bound AS MATERIALIZED (
  SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', '${lockWaitMs}', true) AS now)`;

/** Puts the user's `lock_timeout` back when `part` has been read to its end, and counts its rows. */
function restoredAfter(part: string): string {
  return `restored AS MATERIALIZED (
  SELECT counted.n, set_config('lock_timeout', bound.before, true) AS now
  FROM (SELECT count(*) AS n FROM ${part}) counted CROSS JOIN bound)`;
}

/** What `part` found, after the setting was put back: LATERAL keeps the order, OFFSET 0 the server from merging it. */
function foundIn(part: string): string {
  return `SELECT found.* FROM restored
  CROSS JOIN LATERAL (SELECT ${part}.* FROM ${part} WHERE restored.now IS NOT NULL OFFSET 0) found`;
}

/** As hex digits: the one form that no setting changes. The adapter makes bytes of them. */
const stored = "encode(b.reply, 'hex') AS reply, encode(b.tried, 'hex') AS tried";

const columns = 'run_id, branch, slot, gid, op, attempt, time';
const newValues = '?::text, ?::text, ?::text, ?::text, ?::text, ?::bigint, ?::bigint';

const insertSql = `WITH ${bound},
made AS (
  INSERT INTO tercet_barrier (${columns}) SELECT ${newValues} FROM bound
  ON CONFLICT DO NOTHING RETURNING 1),
${restoredAfter('made')}
SELECT n FROM restored WHERE n > 0`;

const lockRowSql = `WITH ${bound},
kept AS MATERIALIZED (
  SELECT b.op, ${stored} FROM bound CROSS JOIN tercet_barrier b
  WHERE b.run_id = ? AND b.branch = ? AND b.slot = ? FOR UPDATE OF b),
${restoredAfter('kept')}
${foundIn('kept')}`;

const takeEndSql = `WITH ${bound},
kept AS MATERIALIZED (
  SELECT ${stored} FROM bound CROSS JOIN tercet_barrier b
  WHERE b.run_id = ? AND b.branch = ? AND b.slot = 'try' AND b.op = 'try' FOR UPDATE OF b),
made AS (
  INSERT INTO tercet_barrier (${columns}) SELECT ${newValues} FROM kept
  ON CONFLICT DO NOTHING RETURNING 1),
taken AS MATERIALIZED (SELECT kept.reply, kept.tried FROM made CROSS JOIN kept),
${restoredAfter('taken')}
${foundIn('taken')}`;

const finishSql = `UPDATE tercet_barrier SET reply = ?, tried = ?
WHERE run_id = ? AND branch = ? AND slot = ? AND xmin = pg_current_xact_id()::xid`;

/** The `try` rows are locked; whoever holds one of them is passed over, its branch is taken another time. */
const cleanUpSql = `WITH ended AS MATERIALIZED (
  SELECT t.run_id, t.branch FROM tercet_barrier e
  JOIN tercet_barrier t ON t.run_id = e.run_id AND t.branch = e.branch AND t.slot = 'try'
  WHERE e.slot = 'end' AND e.time < ? ORDER BY e.time LIMIT ? FOR UPDATE OF t SKIP LOCKED)
DELETE FROM tercet_barrier b USING ended WHERE b.run_id = ended.run_id AND b.branch = ended.branch`;

/**
 * One step, under a lock of its own: `IF NOT EXISTS` alone fails where two processes create the table at the same time.
 * The number is any that nobody else uses.
 */
const migration = `DO $tercet$ BEGIN
  PERFORM pg_advisory_xact_lock(8420842084208420);
  CREATE TABLE IF NOT EXISTS tercet_barrier (
    run_id  text COLLATE "C" NOT NULL,
    branch  text COLLATE "C" NOT NULL,
    slot    text COLLATE "C" NOT NULL,
    gid     text COLLATE "C" NOT NULL,
    op      text COLLATE "C" NOT NULL,
    reply   bytea,
    tried   bytea,
    attempt bigint NOT NULL,
    time    bigint NOT NULL,
    PRIMARY KEY (run_id, branch, slot));
  CREATE INDEX IF NOT EXISTS tercet_barrier_ended ON tercet_barrier (time) WHERE slot = 'end';
  CREATE TABLE IF NOT EXISTS tercet_barrier_version (version integer PRIMARY KEY);
  INSERT INTO tercet_barrier_version
    SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM tercet_barrier_version);
END $tercet$`;

/** PostgreSQL 13 and newer. */
export const postgresDialect: SqlDialect = {
  family: 'postgres',
  lockWaitMs,
  insert: (row) => ({ sql: insertSql, params: valuesOf(row) }),
  inserted: (affected) => affected === 1,
  lockRow: (key) => ({ sql: lockRowSql, params: keyOf(key) }),
  takeEnd: (row) => ({ sql: takeEndSql, params: [row.runId, row.branchId, ...valuesOf(row)] }),
  finish: (key, reply, note): Statement => ({
    sql: finishSql,
    params: [reply, note, ...keyOf(key)],
  }),
  failureOf,
  migration: [migration],
  readVersion: 'SELECT version::text AS version FROM tercet_barrier_version',
  cleanUp: (before, limit) => ({ sql: cleanUpSql, params: [before, limit] }),
};

function keyOf(key: RowKey): SqlValue[] {
  return [key.runId, key.branchId, key.slot];
}

function valuesOf(row: NewRow): SqlValue[] {
  return [...keyOf(row), row.gid, row.op, row.attempt, row.time];
}

/** Serialisation failure; deadlock. */
const restarts = new Set(['40001', '40P01']);

function failureOf(error: unknown): SqlFailure {
  if (!(error instanceof Error)) return 'other';
  const { code } = error as Error & { readonly code?: unknown };
  if (typeof code !== 'string') return 'other';
  if (restarts.has(code)) return 'restart';
  if (code === '55P03') return 'locked';
  // The text comes in the server's language, the name does not.
  return code === '42P01' && error.message.includes('tercet_barrier') ? 'no-table' : 'other';
}
