/** A data file as the first schema's coordinator left it: its statements, its rows, its column names. */
import { join } from 'node:path';
import { openDatabase, type Database, type SqlValue } from '../../src/store/sqlite/driver';
import { migration0001 } from '../../src/store/sqlite/migrations/0001-transactions';
import { sqlBuilder } from '../../src/store/sqlite/sql-builder';

/** Columns and their values. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Run id of every row. */
export const oldRun = 'a'.repeat(32);
/** Deadline of every row, Unix ms. */
export const oldDeadline = 1_700_000_060_000;
/** When the failed branch of `confirming` is due, Unix ms. */
export const oldRetry = 1_700_000_009_000;

const decided = 1_700_000_001_000;
const called = 1_700_000_002_000;

/**
 * Makes `tercet.db` in `directory`, of the owner `old`: `trying`; `confirming`, of whose branches the first has
 * answered and the second has failed four times; `cancelling`, which nobody has called; `confirmed`.
 */
export function makeVersionOneFile(directory: string): void {
  const db = openDatabase(join(directory, 'tercet.db'));
  try {
    db.exec(
      'CREATE TABLE schema_version (' +
        'id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, min_reader INTEGER NOT NULL) STRICT',
    );
    for (const statement of migration0001.statements(sqlBuilder())) db.exec(statement);
    insert(db, 'schema_version', { id: 1, version: 1, min_reader: 1 });
    for (const row of transactions) insert(db, 'transactions', row);
    for (const row of branches) insert(db, 'branches', row);
    insert(db, 'labels', { gid: 'trying', name: 'order', value: '7' });
  } finally {
    db.close();
  }
}

/** A row of `transactions` of schema 1 and 2. */
export function transaction(gid: string, over: Row): Row {
  return {
    gid,
    run_id: oldRun,
    name: 'checkout',
    status: gid,
    on_timeout: 'cancel',
    phase_two_order: 'all',
    traceparent: null,
    tracestate: null,
    opened_at: 1_700_000_000_000,
    deadline_at: oldDeadline,
    decided_at: gid === 'trying' ? null : decided,
    finished_at: null,
    cause: null,
    reason: null,
    owner: 'old',
    epoch: 1,
    open_owner: 'old',
    next_at: oldDeadline,
    branches: 1,
    format: 1,
    ...over,
  };
}

/** A row of `branches` of schema 1, of schema 2 with the columns that it has more. */
export function branch(gid: string, number: number, over: Row = {}): Row {
  return {
    gid,
    branch_id: String(number),
    ordinal: number - 1,
    action: 'reserve',
    mode: 'tcc',
    driver: 'initiator',
    dialect: 'tercet',
    target: '127.0.0.1:50051',
    forward_method: '/shop.StockTcc/ReserveTry',
    confirm_method: '/shop.StockTcc/ReserveConfirm',
    cancel_method: '/shop.StockTcc/ReserveCancel',
    payload: Uint8Array.of(number, 0, 255),
    confirm_payload: null,
    cancel_payload: null,
    after: '[]',
    forward_deadline_ms: 5_000,
    confirm_deadline_ms: 5_000,
    cancel_deadline_ms: 5_000,
    retry_first_ms: 200,
    retry_max_ms: 60_000,
    stuck_after_ms: 300_000,
    barrier: 0,
    phase_one: gid === 'trying' ? 'none' : 'done',
    try_told: gid === 'trying' ? 0 : 1,
    status: 'registered',
    not_after: 1_700_000_005_000,
    attempts: 0,
    first_attempt_at: null,
    last_attempt_at: null,
    next_attempt_at: null,
    failure_code: null,
    failure_message: null,
    failure_peer: null,
    stuck_reason: null,
    ...over,
  };
}

const answered: Row = {
  status: 'confirmed',
  attempts: 1,
  first_attempt_at: called,
  last_attempt_at: called,
};
const failing: Row = {
  attempts: 4,
  first_attempt_at: called,
  last_attempt_at: called + 5_000,
  next_attempt_at: oldRetry,
  failure_code: 14,
  failure_message: 'away',
  failure_peer: '10.0.0.7:50051',
  stuck_reason: 'unreachable',
};

const transactions: readonly Row[] = [
  transaction('trying', {}),
  transaction('confirming', { cause: 'commit', branches: 2, next_at: oldRetry }),
  transaction('cancelling', { cause: 'rollback', reason: 'no stock' }),
  transaction('confirmed', {
    cause: 'commit',
    finished_at: called,
    open_owner: null,
    next_at: null,
  }),
];
const branches: readonly Row[] = [
  branch('trying', 1),
  branch('confirming', 1, answered),
  branch('confirming', 2, failing),
  branch('cancelling', 1),
  branch('confirmed', 1, answered),
];

/** Inserts one row. */
export function insert(db: Database, table: string, row: Row): void {
  const names = Object.keys(row).map((name) => `"${name}"`);
  const values = Object.values(row);
  const marks = values.map(() => '?').join(', ');
  db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${marks})`).run(...values);
}
