import { ROW_FORMAT } from '../rows/columns';
import type { TombstoneRow } from '../rows/tombstone-row';
import { inTransaction } from './batch';
import type { Database } from './driver';

const insert = `INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, opened_at, deadline_at, decided_at,
    finished_at, cause, format, tombstone) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ${ROW_FORMAT}, ?)
  ON CONFLICT (gid) DO NOTHING`;

/** Creates tombstones of another store, as one commit. Prepared each time: whoever copies a store does that once. */
export function importTombstones(db: Database, owner: string, rows: readonly TombstoneRow[]): void {
  const statement = db.prepare(insert);
  inTransaction(db, () => {
    for (const row of rows) {
      const { gid, runId, name, status, branches, openedAt, deadlineAt, decidedAt } = row;
      const times = [openedAt, deadlineAt, decidedAt, row.finishedAt];
      statement.run(gid, runId, name, status, branches, owner, ...times, row.cause, row.tombstone);
    }
  });
}
