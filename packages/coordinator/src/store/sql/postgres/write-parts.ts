/**
 * The parts of which a wave's statement is made: for each list its columns and its CTE. Rows come as one array per column,
 * opened by `unnest`.
 *
 * W1 A part that changes rows of `transactions` carries the whole guard in its WHERE, owner and epoch always: $1 is the owner,
 *    except of what is taken from another one.
 * W2 What belongs to a guard reads the RETURNING of the part that guarded, never the table: all parts of one statement see the
 *    table as it was before.
 *    Whether a row is finished is asked of `finished_at`: asked of `open_owner` it would be looked for in the index of open work.
 * W3 A condition on such a RETURNING is written `(… IN …) IS TRUE`: so it stays a look-up in a hash, whatever joins the
 *    session allows.
 */
import { ROW_FORMAT } from '../../rows/columns';
import type { BatchRows } from '../batch-rows';
import type { Column } from './binary-arrays';

/** Name of a list. */
export type ListName = keyof BatchRows;

/** One part. */
export interface Part<Row> {
  /** Columns of `u`, in the order of the parameters. */
  readonly columns: Readonly<Record<string, Column<Row>>>;
  /** Name of the CTE. */
  readonly name: string;
  /** The part, its rows being `u`. */
  sql(source: string): string;
}

type Parts = { readonly [K in ListName]: Part<BatchRows[K][number]> };

const mine = `t.gid = u.gid AND t.owner = $1 AND t.epoch = u.epoch AND t.run_id = u."runId"`;
/** A finished row leaves the index of open work. */
const end = `finished_at = u."finishedAt",
    open_owner = CASE WHEN u."finishedAt" IS NULL THEN t.open_owner END`;

/** The parts, in the order in which they stand in the statement. */
export const parts: Parts = {
  opens: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      runId: { type: 'text', of: (row) => row.runId },
      name: { type: 'text', of: (row) => row.name },
      openedAt: { type: 'int8', of: (row) => row.openedAt },
      deadlineAt: { type: 'int8', of: (row) => row.deadlineAt },
      branches: { type: 'int4', of: (row) => row.branches },
      details: { type: 'text', of: (row) => row.details },
      states: { type: 'text', of: (row) => row.states },
      format: { type: 'int4', of: (row) => row.format },
    },
    name: 'opened',
    sql: (
      source,
    ) => `INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, open_owner, next_at,
      opened_at, deadline_at, format, details, states)
    SELECT u.gid, u."runId", u.name, 'trying', u.branches, $1, 1, $1, u."deadlineAt",
      u."openedAt", u."deadlineAt", u.format, u.details, u.states
    FROM ${source}
    ON CONFLICT (gid) DO NOTHING RETURNING gid`,
  },
  extensions: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      runId: { type: 'text', of: (row) => row.runId },
      epoch: { type: 'int8', of: (row) => row.epoch },
      before: { type: 'int4', of: (row) => row.before },
      branches: { type: 'int4', of: (row) => row.branches },
      states: { type: 'text', of: (row) => row.states },
    },
    name: 'extended',
    sql: (source) => `UPDATE transactions t SET branches = u.branches, states = u.states
    FROM ${source}
    WHERE ${mine} AND t.status = 'trying' AND t.branches = u.before RETURNING t.gid`,
  },
  registrations: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      runId: { type: 'text', of: (row) => row.runId },
      first: { type: 'int4', of: (row) => row.first },
      specs: { type: 'text', of: (row) => row.specs },
      payloads: { type: 'bytea', of: (row) => row.payloads },
    },
    name: 'registered',
    sql: (source) => `INSERT INTO registrations (gid, first, run_id, specs, payloads)
    SELECT u.gid, u.first, u."runId", u.specs, u.payloads FROM ${source}
    WHERE (u.gid IN (SELECT gid FROM opened)) IS TRUE OR (u.gid IN (SELECT gid FROM extended)) IS TRUE`,
  },
  labels: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      name: { type: 'text', of: (row) => row.name },
      value: { type: 'text', of: (row) => row.value },
    },
    name: 'labelled',
    sql: (
      source,
    ) => `INSERT INTO labels (gid, name, value) SELECT u.gid, u.name, u.value FROM ${source}
    WHERE (u.gid IN (SELECT gid FROM opened)) IS TRUE`,
  },
  decisions: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      runId: { type: 'text', of: (row) => row.runId },
      epoch: { type: 'int8', of: (row) => row.epoch },
      branches: { type: 'int4', of: (row) => row.branches },
      status: { type: 'text', of: (row) => row.status },
      decidedAt: { type: 'int8', of: (row) => row.decidedAt },
      cause: { type: 'text', of: (row) => row.cause },
      reason: { type: 'text', of: (row) => row.reason },
      states: { type: 'text', of: (row) => row.states },
      finishedAt: { type: 'int8', of: (row) => row.finishedAt },
    },
    name: 'decided',
    sql: (
      source,
    ) => `UPDATE transactions t SET status = u.status, decided_at = u."decidedAt", cause = u.cause,
      reason = u.reason, states = u.states, next_at = CASE WHEN u."finishedAt" IS NULL THEN t.next_at END, ${end}
    FROM ${source}
    WHERE ${mine} AND t.status = 'trying' AND t.branches = u.branches RETURNING t.gid`,
  },
  results: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      result: { type: 'bytea', of: (row) => row.result },
    },
    name: 'kept',
    sql: (source) => `INSERT INTO results (gid, result) SELECT u.gid, u.result FROM ${source}
    WHERE (u.gid IN (SELECT gid FROM decided)) IS TRUE`,
  },
  progress: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      runId: { type: 'text', of: (row) => row.runId },
      epoch: { type: 'int8', of: (row) => row.epoch },
      branches: { type: 'int4', of: (row) => row.branches },
      from: { type: 'text', of: (row) => row.from },
      status: { type: 'text', of: (row) => row.status },
      states: { type: 'text', of: (row) => row.states },
      nextAt: { type: 'int8', of: (row) => row.nextAt },
      finishedAt: { type: 'int8', of: (row) => row.finishedAt },
    },
    name: 'progressed',
    sql: (
      source,
    ) => `UPDATE transactions t SET status = u.status, states = u.states, next_at = u."nextAt", ${end}
    FROM ${source}
    WHERE ${mine} AND t.status = u."from" AND t.branches = u.branches RETURNING t.gid`,
  },
  fences: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      epoch: { type: 'int8', of: (row) => row.epoch },
    },
    name: 'fenced',
    sql: (source) => `UPDATE transactions t SET epoch = t.epoch + 1
    FROM ${source}
    WHERE t.gid = u.gid AND t.owner = $1 AND t.epoch = u.epoch RETURNING t.gid`,
  },
  takes: {
    columns: {
      gid: { type: 'text', of: (row) => row.gid },
      runId: { type: 'text', of: (row) => row.runId },
      epoch: { type: 'int8', of: (row) => row.epoch },
      owner: { type: 'text', of: (row) => row.owner },
    },
    name: 'taken',
    sql: (source) => `UPDATE transactions t SET owner = $1, open_owner = $1, epoch = t.epoch + 1
    FROM ${source}
    WHERE t.gid = u.gid AND t.owner = u.owner AND t.epoch = u.epoch AND t.run_id = u."runId"
      AND t.finished_at IS NULL AND t.format <= ${ROW_FORMAT} RETURNING t.gid`,
  },
};

/** Every list, in the order of the parts. */
export const listNames = Object.keys(parts) as readonly ListName[];
