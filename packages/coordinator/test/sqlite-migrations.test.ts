/** What earlier versions wrote goes on under this one (I5, I6, I7). */
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import type { BranchId, Gid, GlobalTransaction, RunId } from '@tercet/core';
import { openDatabase } from '../src/store/sqlite/driver';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { useTempDirectories } from './support/temp-directory';
import { confirming, decide, finished, parked, progress } from './support/transaction-moves';
import { makeVersionOneFile, oldDeadline, oldRetry, oldRun } from './support/version-one-file';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();
const everything = { before: Number.MAX_SAFE_INTEGER, after: undefined, limit: 100 };
const gidOf = (gid: string): Gid => gid as Gid;

async function withMigrated(
  work: (store: SqliteStore, directory: string) => Promise<void>,
): Promise<void> {
  const directory = tempDirectory();
  makeVersionOneFile(directory);
  const store = new SqliteStore({ directory });
  await store.open('new');
  try {
    await work(store, directory);
  } finally {
    await store.close();
  }
}

async function claimed(store: SqliteStore): Promise<Record<string, GlobalTransaction>> {
  const all = await store.claim(10);
  return Object.fromEntries(all.map((tx) => [tx.gid, tx]));
}

describe('a data file of schema 1', () => {
  it('is brought up to schema 2, which a coordinator of schema 1 may not open', async () => {
    await withMigrated(async (_, directory) => {
      const db = openDatabase(join(directory, 'tercet.db'));
      const versions = db.prepare('SELECT version, min_reader FROM schema_version').all();
      db.close();
      expect(versions).toMatchObject([{ version: 2, min_reader: 2 }]);
    });
  });

  it('keeps its unfinished transactions, nothing parked, with the defaults of the new fields', async () => {
    await withMigrated(async (store) => {
      const found = await claimed(store);
      expect(Object.keys(found).sort()).toEqual(['cancelling', 'confirming', 'trying']);
      for (const tx of Object.values(found)) {
        expect(tx).toMatchObject({ runId: oldRun as RunId, epoch: 2, deadlineAt: oldDeadline });
        for (const branch of tx.branches) {
          expect(branch).toMatchObject({ parked: false, verdict: undefined });
          expect(branch.spec).toMatchObject({ stuckAttempts: 5, parkPermanentErrors: false });
        }
      }
      expect(found['trying']?.labels).toEqual({ order: '7' });
      expect(found['cancelling']?.cause).toEqual({ kind: 'rollback', reason: 'no stock' });
      expect((await store.load(gidOf('confirmed')))?.status).toBe('confirmed');
    });
  });

  it('lets a branch that has failed go on where it was in its backoff', async () => {
    await withMigrated(async (store) => {
      const { confirming: row } = await claimed(store);
      expect(row?.branches).toMatchObject([
        { status: 'confirmed', attempts: { count: 1 } },
        { status: 'registered', attempts: { count: 4, streak: 4, nextAt: oldRetry } },
      ]);
    });
  });

  it('tells what is due of it, and the bytes that its branches send', async () => {
    await withMigrated(async (store) => {
      expect(await store.due(everything)).toEqual([]);
      await claimed(store);
      expect(await store.due(everything)).toEqual([
        { nextAt: oldRetry, gid: 'confirming' },
        { nextAt: oldDeadline, gid: 'cancelling' },
        { nextAt: oldDeadline, gid: 'trying' },
      ]);
      expect(await store.loadPayloads(gidOf('confirming'), '2' as BranchId)).toEqual({
        payload: Uint8Array.of(2, 0, 255),
        confirmPayload: undefined,
        cancelPayload: undefined,
      });
      expect(await store.loadResult(gidOf('confirmed'))).toBeUndefined();
    });
  });

  it('takes every new write, and opens again without another migration', async () => {
    await withMigrated(async (store, directory) => {
      const { trying, confirming: failing, cancelling } = await claimed(store);
      if (!trying || !failing || !cancelling) throw new Error('not all are there');
      const decided = confirming(trying);
      const stopped = parked(failing, '2');
      const result = Uint8Array.of(1, 2);
      const batch = [decide(decided, result), progress(stopped), progress(finished(cancelling))];
      expect(await store.write(batch)).toEqual(batch.map(() => ({ kind: 'applied' })));
      await store.close();

      const next = new SqliteStore({ directory });
      await next.open('newer');
      try {
        expect(await next.load(failing.gid)).toEqual(stopped);
        expect(await next.load(cancelling.gid)).toEqual(finished(cancelling));
        expect(await next.loadResult(trying.gid)).toEqual(result);
        await next.claim(10);
        expect(await next.due(everything)).toEqual([{ nextAt: oldDeadline, gid: 'trying' }]);
      } finally {
        await next.close();
      }
    });
  });
});
