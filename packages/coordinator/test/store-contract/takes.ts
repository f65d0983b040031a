import { describe, expect, it } from '@jest/globals';
import type { Gid, GlobalTransaction } from '@tercet/core';
import type { RowFacts, Store, StoreOperation } from '../../src/store/store';
import type { ContractContext, StoreFixture } from '../store-contract';
import {
  anotherRun,
  attempted,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  take,
  trying,
  withMore,
} from '../support/transaction-moves';

const nobody = 'nobody' as Gid;

/** Taking a transaction over, and what is asked before and after it. */
export function describeTakes(context: ContractContext): void {
  describeTaking(context);
  describeRefusals(context);
  describeAsking(context);
}

/** Work on rows that `first` has written, from the life after it, which is `second`. */
async function afterFirst(
  context: ContractContext,
  writes: readonly (readonly StoreOperation[])[],
  work: (store: Store, fixture: StoreFixture) => Promise<void>,
): Promise<void> {
  await context.fresh(async (fixture) => {
    for (const batch of writes) await fixture.store.write(batch);
    await work(await fixture.restart('second'), fixture);
  });
}

function factsOf(tx: GlobalTransaction, owner: string): RowFacts {
  const { epoch, runId, status, branches } = tx;
  return { owner, epoch, runId, status, branches: branches.length };
}

function describeTaking(context: ContractContext): void {
  describe('taking', () => {
    it('makes an unfinished row its own with the epoch raised, tells it, and changes nothing else (S2, I8)', async () => {
      const rows = [
        trying('a', 3, { labels: { order: '7' } }),
        attempted(confirming(trying('b')), '2'),
      ];
      const writes = [
        [open(trying('a', 3, { labels: { order: '7' } })), open(trying('b'))],
        [decide(confirming(trying('b')))],
        rows.slice(1).map((row) => progress(row, 77)),
      ];
      await afterFirst(context, writes, async (store) => {
        const results = await store.write(rows.map((row) => take(row, 'first')));
        const taken = rows.map((row) => ({ ...row, epoch: 2 }));
        expect(results).toEqual(
          taken.map((row) => ({ kind: 'applied', row: factsOf(row, 'second') })),
        );
        for (const row of taken) expect(await store.loadOwned(row.gid)).toEqual(row);
        const page = { before: Number.MAX_SAFE_INTEGER, after: undefined, limit: 10 };
        expect((await store.due(page)).map(({ gid }) => gid)).toEqual(['b', 'a']);
        expect(await store.claim(10)).toEqual([]);
      });
    });

    it('lets the taker write, and refuses whoever had the row before (I8)', async () => {
      const row = trying('moved');
      await afterFirst(context, [[open(row)]], async (second, fixture) => {
        await second.write([take(row, 'first')]);
        const late = [
          extend(withMore(row), 2),
          decide(confirming(row)),
          progress(attempted(confirming(row), '1')),
        ];
        for (const operation of late) {
          const [answer] = await second.write([operation]);
          expect(answer).toMatchObject({ kind: 'refused', row: { owner: 'second', epoch: 2 } });
        }
        const decided = confirming({ ...row, epoch: 2 });
        expect(await second.write([decide(decided)])).toEqual([{ kind: 'applied' }]);
        // Should the name of the former owner ever come back: the epoch alone keeps it out.
        const zombie = await fixture.restart('first');
        for (const operation of [...late, open(row), fence(row)]) {
          expect(await zombie.write([operation])).toMatchObject([
            { kind: 'refused', row: { owner: 'second', epoch: 2, status: 'confirming' } },
          ]);
        }
        expect(await zombie.load(row.gid)).toEqual(decided);
      });
    });

    it('may be repeated: one that took effect is applied again, also behind later changes (S3, I9)', async () => {
      const row = trying('a');
      await afterFirst(context, [[open(row)]], async (store) => {
        const first = await store.write([take(row, 'first')]);
        expect(await store.write([take(row, 'first')])).toEqual(first);
        const decided = confirming({ ...row, epoch: 2 });
        await store.write([decide(decided)]);
        expect(await store.write([take(row, 'first')])).toEqual([
          { kind: 'applied', row: factsOf(decided, 'second') },
        ]);
        await store.write([progress(finished(decided))]);
        expect(await store.write([take(row, 'first')])).toMatchObject([
          { kind: 'applied', row: { status: 'confirmed' } },
        ]);
        expect(await store.load(row.gid)).toEqual(finished(decided));
      });
    });

    it('is one commit with whatever else the batch holds, and each is judged by itself (S1)', async () => {
      const rows = ['a', 'b', 'c', 'd'].map((gid) => trying(gid));
      await afterFirst(context, [rows.map((row) => open(row))], async (store) => {
        const [a, b, c, d] = rows as [
          GlobalTransaction,
          GlobalTransaction,
          GlobalTransaction,
          GlobalTransaction,
        ];
        const mine = trying('e');
        const results = await store.write([
          take(d, 'first'),
          take({ ...b, epoch: 7 }, 'first'),
          open(mine),
          take(a, 'first'),
          decide(confirming(c)),
          take(c, 'somebody'),
        ]);
        expect(results).toEqual([
          { kind: 'applied', row: factsOf({ ...d, epoch: 2 }, 'second') },
          { kind: 'refused', row: factsOf(b, 'first') },
          { kind: 'applied' },
          { kind: 'applied', row: factsOf({ ...a, epoch: 2 }, 'second') },
          { kind: 'refused', row: factsOf(c, 'first') },
          { kind: 'refused', row: factsOf(c, 'first') },
        ]);
        const kept = await store.loadMany([...rows, mine].map(({ gid }) => gid));
        expect([...kept].sort((x, y) => (x.gid < y.gid ? -1 : 1))).toEqual([
          { ...a, epoch: 2 },
          b,
          c,
          { ...d, epoch: 2 },
          mine,
        ]);
      });
    });

    it('counts before what follows it on the same gid in one batch', async () => {
      const row = trying('a');
      await afterFirst(context, [[open(row)]], async (store) => {
        const decided = confirming({ ...row, epoch: 2 });
        const results = await store.write([take(row, 'first'), decide(decided)]);
        expect(results).toEqual([
          { kind: 'applied', row: factsOf(decided, 'second') },
          { kind: 'applied' },
        ]);
        expect(await store.loadOwned(row.gid)).toEqual(decided);
      });
    });

    it('is not done where the batch is not (S1, S4)', async () => {
      const row = trying('a');
      await afterFirst(context, [[open(row)]], async (store) => {
        const poison = open({ ...trying('b'), name: undefined as never });
        await expect(store.write([take(row, 'first'), poison])).rejects.toMatchObject({
          kind: 'data',
        });
        expect(await store.facts(row.gid)).toEqual(factsOf(row, 'first'));
      });
    });
  });
}

function describeRefusals(context: ContractContext): void {
  const refused: readonly [string, (row: GlobalTransaction) => StoreOperation][] = [
    ['from somebody who does not own the row', (row) => take(row, 'somebody')],
    ['from the taker', (row) => take(row, 'second')],
    ['of an earlier epoch', (row) => take({ ...row, epoch: 1 }, 'first')],
    ['of a later epoch', (row) => take({ ...row, epoch: 3 }, 'first')],
    ['of another run', (row) => take({ ...row, runId: anotherRun }, 'first')],
  ];

  describe('taking is refused, and tells what the row says', () => {
    it.each(refused)('%s (S2)', async (_, make) => {
      const row = { ...trying('a'), epoch: 2 };
      const writes = [[open(trying('a'))], [fence(trying('a'))]];
      await afterFirst(context, writes, async (store) => {
        expect(await store.write([make(row)])).toEqual([
          { kind: 'refused', row: factsOf(row, 'first') },
        ]);
        expect(await store.load(row.gid)).toEqual(row);
      });
    });

    it('where it is finished: nobody owns that any more (S2)', async () => {
      const row = trying('a');
      const done = finished(confirming(row));
      const writes = [[open(row)], [decide(confirming(row))], [progress(done)]];
      await afterFirst(context, writes, async (store) => {
        const [answer] = await store.write([take(row, 'first')]);
        expect(answer).toMatchObject({ kind: 'refused', row: { epoch: 1, status: 'confirmed' } });
        expect(await store.load(row.gid)).toEqual(done);
      });
    });

    it('where there is none (S2)', async () => {
      const store = context.store();
      const row = trying(context.gid());
      expect(await store.write([take(row, 'second')])).toEqual([
        { kind: 'refused', row: undefined },
      ]);
      expect(await store.facts(row.gid)).toBeUndefined();
    });
  });
}

function describeAsking(context: ContractContext): void {
  describe('what is told of a row', () => {
    it('is what it says now, whoever owns it, finished or not', async () => {
      const row = trying('a', 3);
      await afterFirst(context, [[open(row)]], async (store) => {
        expect(await store.facts(row.gid)).toEqual(factsOf(row, 'first'));
        await store.write([take(row, 'first')]);
        const mine = { ...row, epoch: 2 };
        expect(await store.facts(row.gid)).toEqual(factsOf(mine, 'second'));
        const decided = confirming(mine);
        await store.write([decide(decided)]);
        await store.write([progress(finished(decided))]);
        expect(await store.facts(row.gid)).toMatchObject({ status: 'confirmed', branches: 3 });
        expect(await store.facts(nobody)).toBeUndefined();
      });
    });

    it('of several is all that is kept, whoever owns it; the rest is left out', async () => {
      const [a, b] = [trying('a', 2, { labels: { order: '7' } }), trying('b', 1)];
      const writes = [[open(a), open(b)], [decide(confirming(b))]];
      await afterFirst(context, writes, async (store) => {
        const mine = trying('c', 0);
        await store.write([open(mine)]);
        const asked = ['c', nobody, 'a', 'b'] as Gid[];
        const found = await store.loadMany(asked);
        expect([...found].sort((x, y) => (x.gid < y.gid ? -1 : 1))).toEqual([
          a,
          confirming(b),
          mine,
        ]);
        expect(await store.loadMany([nobody])).toEqual([]);
        expect(await store.loadMany([])).toEqual([]);
      });
    });
  });
}
