/**
 * A process that writes batches until it is killed: argument 1 is the directory, 2 the first batch's number. Each
 * batch opens BATCH_SIZE transactions, or moves those of the batch before; its number goes to stdout after the
 * store has acknowledged it.
 */
import { SqliteStore } from '../../src/store/sqlite/sqlite-store';
import { confirming, decide, open, trying } from './transaction-moves';

/** Transactions of one batch. */
export const BATCH_SIZE = 16;

/** Gids of a batch. */
export function gidsOfBatch(batch: number): readonly string[] {
  return Array.from({ length: BATCH_SIZE }, (_, i) => `batch-${batch}-${i}`);
}

async function main(directory: string, first: number): Promise<void> {
  const store = new SqliteStore({ directory });
  await store.open(`writer-${first}`);
  for (let batch = first; ; batch++) {
    const opened = gidsOfBatch(batch).map((gid) => open(trying(gid)));
    // The batch before is decided in the same commit: half a batch would show as opened without decided.
    const decided =
      batch === first ? [] : gidsOfBatch(batch - 1).map((gid) => decide(confirming(trying(gid))));
    const results = await store.write([...opened, ...decided]);
    if (results.some(({ kind }) => kind !== 'applied'))
      throw new Error(`batch ${batch} was refused`);
    process.stdout.write(`${batch}\n`);
  }
}

const [, , directory, first] = process.argv;
if (require.main === module && directory !== undefined) void main(directory, Number(first));
