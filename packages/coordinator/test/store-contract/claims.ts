import { describe, expect, it } from '@jest/globals';
import type { ContractContext } from '../store-contract';
import {
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  finished,
  open,
  progress,
  trying,
  withMore,
} from '../support/transaction-moves';

/** Takeover after a restart. */
export function describeClaims(context: ContractContext): void {
  describe('claiming', () => {
    it('takes over everything unfinished with its epoch raised, and nothing finished (I5, I6, I7)', async () => {
      await context.fresh(async (fixture) => {
        const rows = {
          trying: trying('a'),
          confirming: attempted(confirming(trying('b')), '2'),
          cancelling: cancelling(trying('c', 3, { labels: { order: '7' } })),
          confirmed: finished(confirming(trying('d'))),
        };
        const { store } = fixture;
        await store.write(['a', 'b', 'd'].map((gid) => open(trying(gid))));
        await store.write([open(trying('c', 3, { labels: { order: '7' } }))]);
        await store.write(
          [rows.confirming, rows.cancelling, confirming(trying('d'))].map((tx) => decide(tx)),
        );
        await store.write([progress(rows.confirming), progress(rows.confirmed)]);

        const next = await fixture.restart('second');
        const claimed = await next.claim(10);
        const expected = [rows.trying, rows.confirming, rows.cancelling];
        expect([...claimed].sort((x, y) => (x.gid < y.gid ? -1 : 1))).toEqual(
          expected.map((tx) => ({ ...tx, epoch: 2 })),
        );
        expect(await next.claim(10)).toEqual([]);
        expect(await next.load(rows.confirmed.gid)).toEqual(rows.confirmed);
      });
    });

    it('pages until fewer than asked for are left', async () => {
      await context.fresh(async (fixture) => {
        const gids = Array.from({ length: 7 }, (_, i) => `page-${i}`);
        await fixture.store.write(gids.map((gid) => open(trying(gid))));
        const next = await fixture.restart('a later one');
        const pages = [await next.claim(3), await next.claim(3), await next.claim(3)];
        expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
        expect(
          pages
            .flat()
            .map(({ gid }) => gid)
            .sort(),
        ).toEqual(gids);
      });
    });

    it('claims nothing of its own', async () => {
      await context.fresh(async ({ store }) => {
        await store.write([open(trying('mine'))]);
        expect(await store.claim(10)).toEqual([]);
        expect(await store.load(trying('mine').gid)).toEqual(trying('mine'));
      });
    });

    it('lets the claimer write, and refuses the epoch of the life before (I8)', async () => {
      await context.fresh(async (fixture) => {
        const row = trying('moved');
        await fixture.store.write([open(row)]);
        const next = await fixture.restart('second');
        const [mine] = await next.claim(1);
        expect(mine).toEqual({ ...row, epoch: 2 });
        const zombie = [extend(withMore(row), 2), decide(cancelling(row))];
        for (const result of await next.write(zombie)) {
          expect(result).toMatchObject({ kind: 'refused', row: { owner: 'second', epoch: 2 } });
        }
        const decided = confirming({ ...row, epoch: 2 });
        expect(await next.write([decide(decided)])).toEqual([{ kind: 'applied' }]);
        expect(await next.load(row.gid)).toEqual(decided);
      });
    });

    it('claims whatever the names of the incarnations are', async () => {
      await context.fresh(async (fixture) => {
        await fixture.store.write([open(trying('from-first'))]);
        const names = ['a', 'zz', '~', 'first-'];
        for (const [i, incarnation] of names.entries()) {
          const next = await fixture.restart(incarnation);
          expect((await next.claim(5)).map(({ epoch }) => epoch)).toEqual([i + 2]);
        }
      });
    });
  });
}
