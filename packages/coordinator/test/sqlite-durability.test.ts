/** The embedded store under `kill -9`: real processes, real files. */
import { describe, expect, it, jest } from '@jest/globals';
import { SeededRandom } from '@tercet/core/testing';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { gidsOfBatch } from './support/batch-writer-process';
import { useTempDirectories } from './support/temp-directory';
import { trying } from './support/transaction-moves';
import { WriterProcess } from './support/writer-process';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();
const ROUNDS = 5;

describe('the sqlite store under kill -9', () => {
  it('loses no acknowledged batch and keeps none by half (S1, I5)', async () => {
    const directory = tempDirectory();
    const random = new SeededRandom(20_261_121);
    let first = 1;
    for (let round = 0; round < ROUNDS; round++) {
      const writer = new WriterProcess(directory, first);
      await writer.reach(5 + Math.floor(random.unit() * 60));
      await writer.kill();
      const last = writer.acknowledged.at(-1) ?? first;
      const kept = await batchesKept(directory, first, last);
      // The next batch may have been committed without its acknowledgement, no later one can have been begun.
      expect(kept.batches - (last - first + 1)).toBeGreaterThanOrEqual(0);
      expect(kept.batches - (last - first + 1)).toBeLessThanOrEqual(1);
      first = last + 10;
    }
  });

  it('keeps a second process out while the first lives, and leaves no lock behind (S1)', async () => {
    const directory = tempDirectory();
    const writer = new WriterProcess(directory, 1);
    await writer.reach(1);
    const store = new SqliteStore({ directory });
    await expect(store.open('second')).rejects.toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining(directory),
    });
    await writer.kill();
    await store.open('second');
    expect((await store.claim(1_000)).length).toBeGreaterThan(0);
    await store.close();
  });
});

/** How many batches from `first` on are there, after checking that each is whole. */
async function batchesKept(
  directory: string,
  first: number,
  last: number,
): Promise<{ readonly batches: number }> {
  const store = new SqliteStore({ directory });
  await store.open(`reader-${first}`);
  let batches = 0;
  for (let batch = first; batch <= last + 2; batch++) {
    const rows = await Promise.all(gidsOfBatch(batch).map((gid) => store.load(trying(gid).gid)));
    const before =
      batch === first
        ? []
        : await Promise.all(gidsOfBatch(batch - 1).map((gid) => store.load(trying(gid).gid)));
    const there = rows.filter((row) => row !== undefined);
    expect([0, rows.length]).toContain(there.length);
    expect(there.every((row) => row.branches.length === 2)).toBe(true);
    if (there.length === 0) continue;
    batches++;
    expect(before.map((row) => row?.status)).toEqual(before.map(() => 'confirming'));
  }
  await store.close();
  return { batches };
}
