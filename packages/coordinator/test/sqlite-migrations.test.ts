/** What earlier versions wrote goes on under this one (I5, I6, I7). */
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import {
  type BranchId,
  type Gid,
  type GlobalTransaction,
  type RunId,
  noAttempts,
} from '@tercet/core';
import { openDatabase } from '../src/store/sqlite/driver';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { useTempDirectories } from './support/temp-directory';
import {
  confirming,
  decide,
  extend,
  finished,
  parked,
  progress,
  withMore,
} from './support/transaction-moves';
import { makeVersionTwoFile, oldResult } from './support/version-two-file';
import { makeVersionOneFile, oldDeadline, oldRetry, oldRun } from './support/version-one-file';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();
const everything = { before: Number.MAX_SAFE_INTEGER, after: undefined, limit: 100 };
const gidOf = (gid: string): Gid => gid as Gid;

async function withMigrated(
  work: (store: SqliteStore, directory: string) => Promise<void>,
  makeFile = makeVersionOneFile,
): Promise<void> {
  const directory = tempDirectory();
  makeFile(directory);
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
  it('is brought up to schema 4, which a coordinator of an earlier one may not open', async () => {
    await withMigrated(async (_, directory) => {
      const db = openDatabase(join(directory, 'tercet.db'));
      const versions = db.prepare('SELECT version, min_reader FROM schema_version').all();
      db.close();
      expect(versions).toMatchObject([{ version: 4, min_reader: 4 }]);
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

describe('a data file of schema 2', () => {
  const with2 = (work: (store: SqliteStore) => Promise<void>): Promise<void> =>
    withMigrated(work, makeVersionTwoFile);

  it('keeps policy, trace, labels and every setting of its branches', async () => {
    await with2(async (store) => {
      const { trying } = await claimed(store);
      expect(trying).toMatchObject({
        policy: { onTimeout: 'none', phaseTwoOrder: 'reverse' },
        trace: { traceparent: '00-abc', tracestate: 'a=1' },
        labels: { order: '7' },
        branches: [
          { phaseOne: 'none', tryTold: false, notAfter: 1_700_000_005_000, parked: false },
          { spec: { barrier: true, stuckAttempts: 9, parkPermanentErrors: true } },
          { spec: { mode: 'saga', driver: 'participant', dialect: 'dtm', after: ['1'] } },
        ],
      });
      expect(trying?.branches[0]?.spec).toEqual({
        id: '1',
        action: 'reserve',
        mode: 'tcc',
        driver: 'initiator',
        dialect: 'tercet',
        target: '127.0.0.1:50051',
        methods: {
          forward: '/shop.StockTcc/ReserveTry',
          confirm: '/shop.StockTcc/ReserveConfirm',
          cancel: '/shop.StockTcc/ReserveCancel',
        },
        payload: Uint8Array.of(1, 0, 255),
        confirmPayload: Uint8Array.of(0, 9),
        cancelPayload: new Uint8Array(0),
        after: [],
        deadlines: { forwardMs: 5_000, confirmMs: 5_000, cancelMs: 5_000 },
        retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
        stuckAfterMs: 300_000,
        stuckAttempts: 5,
        parkPermanentErrors: false,
        barrier: false,
      });
    });
  });

  it('keeps branches in their order, with attempts, what is parked, and verdicts', async () => {
    await with2(async (store) => {
      const { cancelling } = await claimed(store);
      expect(cancelling?.branches.map(({ spec }) => spec.id)).toEqual(
        Array.from({ length: 12 }, (_, i) => String(i + 1)),
      );
      expect(cancelling?.branches.slice(9)).toMatchObject([
        { phaseOne: 'unknown', tryTold: true, attempts: noAttempts },
        {
          phaseOne: 'refused',
          parked: true,
          attempts: {
            ...{ count: 3, streak: 2, firstAt: 5, lastAt: 7, nextAt: undefined },
            lastFailure: { grpcCode: 9, message: 'it\'s "no"', peer: undefined },
            stuckReason: 'rejected',
          },
          verdict: undefined,
        },
        {
          status: 'cancelled',
          verdict: { asserted: 'cancelled', by: 'ops', at: 8, reason: 'said so' },
          attempts: { count: 3, streak: 3, lastFailure: undefined },
        },
      ]);
    });
  });

  it('keeps what is finished, with results', async () => {
    await with2(async (store) => {
      expect(await store.load(gidOf('confirmed'))).toMatchObject({
        status: 'confirmed',
        finishedAt: 9,
        branches: [{ status: 'confirmed', phaseOne: 'done', attempts: { count: 3, lastAt: 7 } }],
      });
      expect(await store.load(gidOf('cancelled'))).toMatchObject({
        cause: { kind: 'timeout' },
        branches: [],
      });
      expect(await store.loadResult(gidOf('confirmed'))).toEqual(oldResult);
    });
  });

  it('gives the bytes of each call, and goes on to the end', async () => {
    await with2(async (store) => {
      const { trying, cancelling } = await claimed(store);
      if (!trying || !cancelling) throw new Error('not all are there');
      expect(await store.loadPayloads(trying.gid, '1' as BranchId)).toEqual({
        payload: Uint8Array.of(1, 0, 255),
        confirmPayload: Uint8Array.of(0, 9),
        cancelPayload: new Uint8Array(0),
      });
      const more = withMore(trying);
      const batch = [extend(more, 3), decide(confirming(more)), progress(finished(cancelling))];
      expect(await store.write(batch)).toEqual(batch.map(() => ({ kind: 'applied' })));
      expect(await store.load(trying.gid)).toEqual(confirming(more));
      expect(await store.load(cancelling.gid)).toEqual(finished(cancelling));
      expect(await store.loadPayloads(trying.gid, '4' as BranchId)).toMatchObject({
        payload: Uint8Array.of(4, 0, 255),
      });
    });
  });
});
