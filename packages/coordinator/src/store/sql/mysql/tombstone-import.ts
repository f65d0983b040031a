import { ROW_FORMAT } from '../../rows/columns';
import type { TombstoneRow } from '../../rows/tombstone-row';
import { text, whole, word } from './literals';
import type { Session } from './session';
import { runTransaction } from './transaction';

const columns =
  'gid,run_id,name,status,branches,owner,epoch,open_owner,next_at,opened_at,deadline_at,decided_at,cause,format,tombstone';

/** Creates tombstones of another store, as one transaction. */
export async function importTombstones(
  session: Session,
  owner: string,
  rows: readonly TombstoneRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const values = rows.map((row) => `(${valuesOf(row, owner).join(',')})`);
  // Not IGNORE: it would let pass what does not fit.
  const insert = `INSERT INTO transactions (${columns}) VALUES ${values.join(',')} ON DUPLICATE KEY UPDATE gid=transactions.gid`;
  await runTransaction(session, [insert], 'write');
}

/** In the order of the columns. */
function valuesOf(row: TombstoneRow, owner: string): readonly string[] {
  const { gid, runId, name, status, branches, openedAt, deadlineAt, decidedAt, finishedAt } = row;
  return [
    word(gid),
    word(runId),
    text(name),
    word(status),
    whole(branches),
    word(owner),
    '1',
    'NULL',
    whole(finishedAt),
    whole(openedAt),
    whole(deadlineAt),
    whole(decidedAt),
    word(row.cause),
    whole(ROW_FORMAT),
    word(row.tombstone),
  ];
}
