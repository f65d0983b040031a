import { describe, expect, it } from '@jest/globals';
import type { Gid, GlobalTransaction } from '@tercet/core';
import type { DuePosition, DueQuery, Store } from '../../src/store/store';
import type { ContractContext } from '../store-contract';
import {
  attempted,
  cancelling,
  confirming,
  decide,
  fence,
  finished,
  open,
  parked,
  progress,
  times,
  trying,
} from '../support/transaction-moves';

const noon = times.opened + 1_000_000;
const everything: DueQuery = {
  before: Number.MAX_SAFE_INTEGER,
  after: undefined,
  limit: 1_000,
};

/** What is due, in which order, and for whom. */
export function describeDue(context: ContractContext): void {
  describe('what is due', () => {
    it('stands in the order of time, equal times in that of the gid, whatever was written first', async () => {
      await context.fresh(async ({ store }) => {
        await store.write([at('m', 2), at('c', 1), at('a', 2), at('B', 2), at('z', 0)]);
        const inOrder = [place('z', 0), place('c', 1), place('B', 2), place('a', 2), place('m', 2)];
        expect(await store.due(everything)).toEqual(inOrder);
      });
    });

    it('comes in pages that neither repeat nor leave out any, equal times included', async () => {
      await context.fresh(async ({ store }) => {
        const gids = Array.from({ length: 11 }, (_, i) => `page-${i}`);
        await store.write(gids.map((gid, i) => at(gid, i < 8 ? 5 : i)));
        const whole = await store.due(everything);
        expect(whole).toHaveLength(11);
        for (const limit of [1, 2, 3, 11]) expect(await pagedDue(store, limit)).toEqual(whole);
      });
    });

    it('keeps its place while rows come, move and go between pages', async () => {
      await context.fresh(async ({ store }) => {
        await store.write([at('a', 1), at('b', 1), at('c', 1), at('d', 2)]);
        const after = place('b', 1);
        await store.write([at('aa', 1), at('bb', 1)]);
        await store.write([decide(confirming(trying('b'))), decide(confirming(trying('c')))]);
        await store.write([progress(finished(confirming(trying('b'))))]);
        await store.write([progress(confirming(trying('c')), noon + 3)]);
        expect(await store.due({ ...everything, after })).toEqual([
          place('bb', 1),
          place('d', 2),
          place('c', 3),
        ]);
      });
    });

    it('includes its last moment, and nothing later', async () => {
      await context.fresh(async ({ store }) => {
        await store.write([at('early', 0), at('now', 1), at('late', 2)]);
        const due = await store.due({ ...everything, before: noon + 1 });
        expect(due).toEqual([place('early', 0), place('now', 1)]);
        expect(await store.due({ ...everything, before: noon - 1 })).toEqual([]);
        const behind = { before: noon + 1, after: place('now', 1), limit: 5 };
        expect(await store.due(behind)).toEqual([]);
        expect(await store.due({ ...everything, before: Infinity })).toHaveLength(3);
      });
    });

    it('begins with the deadline, which extending, deciding and fencing leave', async () => {
      await context.fresh(async ({ store }) => {
        const row = trying('a', 2, { deadlineAt: noon });
        const steps = [open(row), decide(cancelling(row)), fence(row)];
        for (const step of steps) {
          await store.write([step]);
          expect(await store.due(everything)).toEqual([place('a', 0)]);
        }
      });
    });

    it('moves with each progress, forth and back', async () => {
      await context.fresh(async ({ store }) => {
        const decided = confirming(trying('a'));
        await store.write([open(trying('a')), decide(decided)]);
        for (const offset of [7, 3, 9]) {
          await store.write([progress(attempted(decided, '1'), noon + offset)]);
          expect(await store.due(everything)).toEqual([place('a', offset)]);
        }
      });
    });

    it('holds nothing of which all is parked, until an operator moves it (I7)', async () => {
      await context.fresh(async ({ store }) => {
        const decided = confirming(trying('a', 1));
        await store.write([open(trying('a', 1)), decide(decided)]);
        await store.write([progress(parked(decided, '1'))]);
        expect(await store.due(everything)).toEqual([]);
        expect(await store.loadOwned(decided.gid)).toEqual(parked(decided, '1'));
        await store.write([progress(decided, noon)]);
        expect(await store.due(everything)).toEqual([place('a', 0)]);
      });
    });

    it('holds nothing finished, not even where a time came with the end or after it (S3)', async () => {
      await context.fresh(async ({ store }) => {
        const decided = confirming(trying('a'));
        await store.write([open(trying('a')), decide(decided)]);
        await store.write([progress(finished(decided), noon + 0.5)]);
        await store.write([progress(attempted(decided, '1'), noon)]);
        const empty = finished(confirming(trying('empty', 0)));
        await store.write([open(trying('empty', 0)), decide(empty)]);
        expect(await store.due(everything)).toEqual([]);
      });
    });

    it('is of this incarnation alone: after a restart what it claimed, at the same times', async () => {
      await context.fresh(async (fixture) => {
        const decided = confirming(trying('b', 1));
        await fixture.store.write([at('a', 1), open(trying('b', 1)), at('c', 3), decide(decided)]);
        await fixture.store.write([progress(attempted(decided, '1'), noon + 2)]);
        const next = await fixture.restart('second');
        expect(await next.due(everything)).toEqual([]);
        const [taken] = await next.claim(1);
        expect((await next.due(everything)).map(({ gid }) => gid)).toEqual([taken?.gid]);
        await next.claim(10);
        await next.write([at('d', 0)]);
        const all = [place('d', 0), place('a', 1), place('b', 2), place('c', 3)];
        expect(await next.due(everything)).toEqual(all);
      });
    });

    it('says nothing of a write that was refused (S2)', async () => {
      await context.fresh(async ({ store }) => {
        const decided = confirming(trying('a', 2, { deadlineAt: noon }));
        await store.write([at('a', 0), decide(decided)]);
        await store.write([progress(attempted({ ...decided, epoch: 2 }, '1'), noon + 9)]);
        await store.write([progress(cancelling(decided), noon + 9)]);
        expect(await store.due(everything)).toEqual([place('a', 0)]);
      });
    });
  });
}

/** Opens a transaction that is due `offset` ms after noon. */
function at(gid: string, offset: number): ReturnType<typeof open> {
  const tx: GlobalTransaction = trying(gid, 2, { deadlineAt: noon + offset });
  return open(tx);
}

function place(gid: string, offset: number): DuePosition {
  return { nextAt: noon + offset, gid: gid as Gid };
}

async function pagedDue(store: Store, limit: number): Promise<DuePosition[]> {
  const found: DuePosition[] = [];
  for (;;) {
    const page = await store.due({ ...everything, after: found.at(-1), limit });
    expect(page.length).toBeLessThanOrEqual(limit);
    if (page.length === 0) return found;
    found.push(...page);
  }
}
