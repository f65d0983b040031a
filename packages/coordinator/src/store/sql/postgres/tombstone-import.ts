import { ROW_FORMAT } from '../../rows/columns';
import type { TombstoneRow } from '../../rows/tombstone-row';
import type { Step } from './pipeline';

const insert = `INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, opened_at, deadline_at, decided_at,
    finished_at, cause, format, tombstone)
  VALUES ($1, $2, $3, $4, $5::int4, $6, 1, $7::int8, $8::int8, $9::int8, $10::int8, $11, ${ROW_FORMAT}, $12)
  ON CONFLICT (gid) DO NOTHING`;

/** Creates a tombstone of another store. */
export function tombstoneStep(row: TombstoneRow, owner: string): Step {
  const { gid, runId, name, status, branches, openedAt, deadlineAt, decidedAt, finishedAt } = row;
  const times = [openedAt, deadlineAt, decidedAt, finishedAt].map(String);
  const values = [gid, runId, name, status, String(branches), owner, ...times, row.cause];
  return { text: insert, values: [...values, row.tombstone] };
}
