/** A data file as the second schema's coordinator left it: every kind of branch that it could hold. */
import { join } from 'node:path';
import { openDatabase } from '../../src/store/sqlite/driver';
import { migration0001 } from '../../src/store/sqlite/migrations/0001-transactions';
import { migration0002 } from '../../src/store/sqlite/migrations/0002-operated-branches';
import { sqlBuilder } from '../../src/store/sqlite/sql-builder';
import { type Row, branch, insert, transaction } from './version-one-file';

/** Result of `confirmed`. */
export const oldResult = Uint8Array.of(0, 255, 1);

const trace = { traceparent: '00-abc', tracestate: 'a=1' };
const own = { confirm_payload: Uint8Array.of(0, 9), cancel_payload: new Uint8Array(0) };
const called = { attempts: 3, first_attempt_at: 5, last_attempt_at: 7 };
const rejected = { failure_code: 9, failure_message: 'it\'s "no"', failure_peer: null };
const verdict = {
  verdict: 'cancelled',
  verdict_by: 'ops',
  verdict_at: 8,
  verdict_reason: 'said so',
};

const transactions: readonly Row[] = [
  transaction('trying', { branches: 3, on_timeout: 'none', phase_two_order: 'reverse', ...trace }),
  transaction('cancelling', { cause: 'rollback', reason: 'no stock', branches: 12, next_at: null }),
  transaction('confirmed', { cause: 'commit', finished_at: 9, open_owner: null, next_at: null }),
  transaction('cancelled', {
    ...{ cause: 'timeout', branches: 0, finished_at: 9, open_owner: null, next_at: null },
  }),
];

const branches: readonly Row[] = [
  branch('trying', 1, { streak: 0, ...own }),
  branch('trying', 2, { streak: 0, barrier: 1, stuck_attempts: 9, park_permanent: 1 }),
  branch('trying', 3, {
    streak: 0,
    mode: 'saga',
    driver: 'participant',
    dialect: 'dtm',
    after: '["1"]',
  }),
  ...Array.from({ length: 10 }, (_, i) => {
    return branch('cancelling', i + 1, { streak: 0, phase_one: 'unknown', try_told: 1 });
  }),
  branch('cancelling', 11, {
    ...{ streak: 2, parked: 1, phase_one: 'refused', stuck_reason: 'rejected' },
    ...called,
    ...rejected,
  }),
  branch('cancelling', 12, { streak: 3, status: 'cancelled', ...called, ...verdict }),
  branch('confirmed', 1, { streak: 0, status: 'confirmed', ...called }),
];

/** Makes `tercet.db` in `directory`: `trying`, `cancelling`, `confirmed`, `cancelled`, all of the owner `old`. */
export function makeVersionTwoFile(directory: string): void {
  const db = openDatabase(join(directory, 'tercet.db'));
  try {
    db.exec(
      'CREATE TABLE schema_version (' +
        'id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, min_reader INTEGER NOT NULL) STRICT',
    );
    for (const migration of [migration0001, migration0002]) {
      for (const statement of migration.statements(sqlBuilder())) db.exec(statement);
    }
    insert(db, 'schema_version', { id: 1, version: 2, min_reader: 2 });
    for (const row of transactions) insert(db, 'transactions', row);
    // Not in their order: the number in the row counts, not the place in the table.
    for (const row of [...branches].reverse()) insert(db, 'branches', row);
    insert(db, 'labels', { gid: 'trying', name: 'order', value: '7' });
    insert(db, 'results', { gid: 'confirmed', result: oldResult });
  } finally {
    db.close();
  }
}
