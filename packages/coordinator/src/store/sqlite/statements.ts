/**
 * The hot path's SQL, hand-written. Each statement is prepared once and run row by row inside one transaction: an
 * embedded database has no round trip to save. What a statement costs is first the call (1.1 µs), then its values
 * (0.3 µs a text, 0.1 µs a number), so what never changes stands in the text: statuses, the owner.
 *
 * Q1 The guard stands in the WHERE of the first statement of an operation: owner, epoch and run id, always, and the
 *    number of branches where something is written of them.
 * Q2 Deciding touches no index: `next_at` stays the deadline until the first progress. Finishing leaves the index of
 *    open work and enters the one of finished work.
 * Q3 What is due is answered by the index of open work alone: it holds `next_at` and, being one of a table without
 *    rowid, the gid.
 */
import { ROW_FORMAT } from '../rows/columns';
import type { Database, Statement } from './driver';

/** Stands for the owner, in quotes, in the texts below. */
const OWNER = ':owner:';
const mine = `gid = ? AND owner = ${OWNER} AND epoch = ? AND run_id = ?`;
const unfinished = `open_owner IS NOT NULL AND format <= ${ROW_FORMAT}`;
const end = 'finished_at = ?, open_owner = NULL, next_at = NULL';

/** The text of every statement, `:owner:` standing for the owner. */
export const sql = {
  open: `INSERT INTO transactions (gid, run_id, name, status, opened_at, deadline_at, next_at, branches, registration,
      details, states, owner, open_owner, epoch, format)
    VALUES (?, ?, ?, 'trying', ?, ?, ?, ?, ?, ?, ?, ${OWNER}, ${OWNER}, 1, ${ROW_FORMAT})
    ON CONFLICT (gid) DO NOTHING`,
  insertOpening: 'INSERT INTO registrations (id, first, specs, payloads) VALUES (?, 0, ?, ?)',
  insertRegistration:
    'INSERT INTO registrations (id, gid, first, specs, payloads) VALUES (?, ?, ?, ?, ?)',
  insertLabel: 'INSERT INTO labels (gid, name, value) VALUES (?, ?, ?)',
  lastRegistration: 'SELECT max(id) AS id FROM registrations',

  extend: `UPDATE transactions SET branches = ?, states = ?
    WHERE ${mine} AND status = 'trying' AND branches = ?`,

  commit: `UPDATE transactions SET status = 'confirming', decided_at = ?, cause = 'commit', states = NULL
    WHERE ${mine} AND status = 'trying' AND branches = ?`,
  decide: `UPDATE transactions SET status = ?, decided_at = ?, cause = ?, reason = ?, states = ?
    WHERE ${mine} AND status = 'trying' AND branches = ?`,
  decideAndFinish: `UPDATE transactions SET status = ?, decided_at = ?, cause = ?, reason = ?, states = ?, ${end}
    WHERE ${mine} AND status = 'trying' AND branches = ?`,
  insertResult: 'INSERT INTO results (gid, result) VALUES (?, ?)',

  progress: `UPDATE transactions SET states = ?, next_at = ? WHERE ${mine} AND status = ? AND branches = ?`,
  confirmed: `UPDATE transactions SET status = 'confirmed', states = ?, ${end}
    WHERE ${mine} AND status = 'confirming' AND branches = ?`,
  cancelled: `UPDATE transactions SET status = 'cancelled', states = ?, ${end}
    WHERE ${mine} AND status = 'cancelling' AND branches = ?`,

  fence: `UPDATE transactions SET epoch = epoch + 1 WHERE gid = ? AND owner = ${OWNER} AND epoch = ?`,
  // Whoever takes a row names its owner; the new one is the writer.
  take: `UPDATE transactions SET owner = ${OWNER}, open_owner = ${OWNER}, epoch = epoch + 1
    WHERE gid = ? AND owner = ? AND epoch = ? AND run_id = ? AND ${unfinished}`,
  facts: 'SELECT owner, epoch, run_id, status, branches, format FROM transactions WHERE gid = ?',

  // Two ranges instead of `<>`, which no index answers.
  findOthers: `SELECT gid FROM (
      SELECT gid FROM transactions WHERE ${unfinished} AND open_owner < ?1
      UNION ALL SELECT gid FROM transactions WHERE ${unfinished} AND open_owner > ?1)
    LIMIT ?2`,
  takeOver: `UPDATE transactions SET owner = ?1, open_owner = ?1, epoch = epoch + 1 WHERE gid = ?2`,

  fillProbe: 'INSERT INTO probes (filler) VALUES (zeroblob(8192))',
  clearProbe: 'DELETE FROM probes',

  loadTransaction: 'SELECT * FROM transactions WHERE gid = ?',
  loadOwned: 'SELECT * FROM transactions WHERE gid = ? AND open_owner = ?',
  // The first by its number, those that were added later by gid.
  loadRegistrations: `SELECT first, specs, payloads FROM registrations
    WHERE id = (SELECT registration FROM transactions WHERE gid = ?1)
    UNION ALL SELECT first, specs, payloads FROM registrations WHERE gid = ?1
    ORDER BY first`,
  loadLabels: 'SELECT name, value FROM labels WHERE gid = ?',
  loadSpecs: `SELECT id, specs FROM registrations
    WHERE id = (SELECT registration FROM transactions WHERE gid = ?1)
    UNION ALL SELECT id, specs FROM registrations WHERE gid = ?1`,
  cutPayload: 'SELECT substr(payloads, ?, ?) AS bytes FROM registrations WHERE id = ?',
  loadResult: 'SELECT result FROM results WHERE gid = ?',

  due: `SELECT gid, next_at FROM transactions
    WHERE open_owner = ? AND (next_at, gid) > (?, ?) AND next_at <= ?
    ORDER BY next_at, gid LIMIT ?`,
} as const;

/** Name of a prepared statement. */
export type StatementName = keyof typeof sql;

/** All statements of a connection. */
export type Statements = Readonly<Record<StatementName, Statement>>;

/** Prepares every statement for writes of `owner`; a database that lacks a column fails here, at start. */
export function prepareStatements(db: Database, owner: string): Statements {
  const quoted = `'${owner.replaceAll("'", "''")}'`;
  const prepared = Object.entries(sql).map(([name, text]) => {
    return [name, db.prepare(text.split(OWNER).join(quoted))] as const;
  });
  return Object.fromEntries(prepared) as Statements;
}
