import { describe, expect, it } from '@jest/globals';
import { type GlobalTransaction, restored } from '@tercet/core';
import { digestOf, nextAt, operationsOf } from '../../src/store/moves/whole';
import type { ContractContext } from '../store-contract';
import { oneOfEach, tombstone } from '../support/one-of-each';
import {
  branchNumber,
  cancelling,
  confirming,
  decide,
  finished,
  open,
  progress,
  trying,
} from '../support/transaction-moves';

const applied = { kind: 'applied' };
/** What copies of whole stores are made of: transactions in any state, what is held, tombstones. */
export function describeImports(context: ContractContext): void {
  describe('whole transactions', () => {
    it('of every state are written by one batch each, and claimed by whoever comes (S1, I5)', async () => {
      await context.fresh(async (fixture) => {
        const { store } = fixture;
        const all = oneOfEach('tx');
        for (const tx of all) {
          const batch = operationsOf({ tx, result: Uint8Array.of(1, 2) });
          expect(await store.write(batch)).toEqual(batch.map(() => applied));
        }
        for (const tx of all) expect(await store.load(tx.gid)).toEqual(tx);
        const due = await store.due({
          before: Number.MAX_SAFE_INTEGER,
          after: undefined,
          limit: 9,
        });
        const planned = all.filter((tx) => tx.finishedAt === undefined && nextAt(tx) !== undefined);
        expect(due.map(({ gid }) => gid).sort()).toEqual(planned.map(({ gid }) => gid).sort());
        const unfinished = all.filter((tx) => tx.finishedAt === undefined);
        const claimed = await (await fixture.restart('second')).claim(20);
        expect(claimed.map(digest).sort()).toEqual(unfinished.map(digest).sort());
      });
    });

    it('of several are written together, and keep the results of their commits', async () => {
      const store = context.store();
      const all = oneOfEach(context.gid());
      const result = new Uint8Array(70_000).fill(7);
      const batch = all.flatMap((tx) => operationsOf({ tx, result }));
      expect(await store.write(batch)).toEqual(batch.map(() => applied));
      const committed = all.filter(({ cause }) => cause?.kind === 'commit');
      for (const { gid } of committed) expect(await store.loadResult(gid)).toEqual(result);
      expect((await store.loadMany(all.map(({ gid }) => gid))).map(digest).sort()).toEqual(
        all.map(digest).sort(),
      );
    });

    it('with more bytes than one registration takes arrive whole', async () => {
      const store = context.store();
      const payload = new Uint8Array(1024 * 1024).fill(3);
      const large = [1, 2, 3, 4, 5, 6].map((number) => {
        const branch = branchNumber(number);
        return { ...branch, spec: { ...branch.spec, payload } };
      });
      const tx = confirming(trying(context.gid(), 0, { branches: large }));
      const batch = operationsOf({ tx, result: undefined });
      expect(batch.map(({ kind }) => kind)).toEqual(['open', 'extend', 'decide', 'progress']);
      await store.write(batch);
      expect(digest((await store.load(tx.gid)) ?? trying('nothing'))).toBe(digest(tx));
    });
  });

  describe('a transaction that is held', () => {
    it('is parked in its place while it is trying, and due no more', async () => {
      await context.fresh(async ({ store }) => {
        const row = trying('a', 2, { labels: { order: '7' } });
        await store.write([open(row)]);
        expect(await store.write([progress(restored(row))])).toEqual([applied]);
        expect(await store.load(row.gid)).toEqual(restored(row));
        const query = { before: Number.MAX_SAFE_INTEGER, after: undefined, limit: 9 };
        expect(await store.due(query)).toEqual([]);
        const decided = confirming(restored(row));
        expect(await store.write([decide(decided)])).toEqual([applied]);
        expect(await store.load(row.gid)).toEqual(decided);
      });
    });

    it('is not parked by another epoch, with other branches, or after its decision (S2, I8)', async () => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row)]);
      const zombie = progress(restored({ ...row, epoch: 2 }));
      const fewer = progress(restored({ ...row, branches: row.branches.slice(1) }));
      expect(await store.write([zombie])).toMatchObject([{ kind: 'refused' }]);
      expect(await store.write([fewer])).toMatchObject([{ kind: 'refused' }]);
      await store.write([decide(cancelling(row))]);
      expect(await store.write([progress(restored(row))])).toMatchObject([{ kind: 'refused' }]);
      expect(await store.load(row.gid)).toEqual(cancelling(row));
    });
  });

  describe('tombstones of another store', () => {
    it('are kept as they were, with and without a result', async () => {
      const store = context.store();
      const [one, two] = [tombstone(context.gid()), tombstone(context.gid(), 'a'.repeat(64))];
      await store.importTombstones([one, two]);
      for (const tx of [one, two]) {
        expect(digest((await store.load(tx.gid)) ?? trying('nothing'))).toBe(digest(tx));
      }
      expect(await store.write([open(trying(one.gid))])).toMatchObject([{ kind: 'refused' }]);
    });

    it('never replace what is there, and may come twice (S5)', async () => {
      const store = context.store();
      const [here, other] = [trying(context.gid()), tombstone(context.gid())];
      await store.write([open(here)]);
      await store.importTombstones([tombstone(here.gid), other]);
      await store.importTombstones([other]);
      expect(await store.load(here.gid)).toEqual(here);
    });

    it('are nothing but tombstones', async () => {
      const store = context.store();
      const whole = finished(confirming(trying(context.gid())));
      await expect(store.importTombstones([whole])).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(whole.gid)).toBeUndefined();
    });
  });
}

function digest(tx: GlobalTransaction): string {
  return digestOf({ tx, result: undefined });
}
