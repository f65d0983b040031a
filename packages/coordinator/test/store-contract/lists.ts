import { describe, expect, it } from '@jest/globals';
import type { Gid, GlobalStatus, GlobalTransaction } from '@tercet/core';
import type { ListQuery, Store } from '../../src/store/store';
import type { ContractContext } from '../store-contract';
import {
  cancelling,
  confirming,
  decide,
  finished,
  open,
  progress,
  times,
  trying,
} from '../support/transaction-moves';

const everything: ListQuery = {
  statuses: [],
  name: undefined,
  gidPrefix: undefined,
  limit: 100,
  cursor: undefined,
};

/** Lists, their filters and their cursors. */
export function describeLists(context: ContractContext): void {
  describe('listing', () => {
    it('shows unfinished transactions first, latest opened first, then finished ones, latest first', async () => {
      const name = context.gid();
      await seed(context.store(), name);
      const gids = await gidsOf(context.store(), { ...everything, name });
      expect(gids).toEqual(
        ['open-3', 'open-2', 'open-1b', 'open-1a', 'done-2', 'done-1'].map(named(name)),
      );
    });

    it('tells what a summary promises', async () => {
      const name = context.gid();
      await seed(context.store(), name);
      const { transactions } = await context
        .store()
        .list({ ...everything, name, statuses: ['cancelled'] });
      const { gid, runId } = finished(cancelling(trying(named(name)('done-2'))));
      expect(transactions).toEqual([
        {
          gid,
          runId,
          name,
          status: 'cancelled',
          branches: 2,
          openedAt: times.opened,
          decidedAt: times.decided,
          finishedAt: times.finished + 2,
          cause: 'rollback',
          tombstone: false,
        },
      ]);
    });

    it.each([1, 2, 3, 5])('gives the same rows in the same order in pages of %s', async (limit) => {
      const name = context.gid();
      const store = context.store();
      await seed(store, name);
      const whole = await gidsOf(store, { ...everything, name });
      expect(await pagedGids(store, { ...everything, name, limit })).toEqual(whole);
    });

    it('ends with a page without cursor, even where the last page is full', async () => {
      const name = context.gid();
      await seed(context.store(), name);
      const page = await context.store().list({ ...everything, name, limit: 6 });
      expect(page.transactions).toHaveLength(6);
      expect(page.nextCursor).toBeUndefined();
    });

    it('filters by status, across both halves of the order', async () => {
      const name = context.gid();
      const store = context.store();
      await seed(store, name);
      const filtered = (...statuses: GlobalStatus[]) =>
        gidsOf(store, { ...everything, name, statuses });
      expect(await filtered('trying')).toEqual(['open-2', 'open-1b', 'open-1a'].map(named(name)));
      expect(await filtered('confirming', 'confirmed')).toEqual(
        ['open-3', 'done-1'].map(named(name)),
      );
      expect(await filtered('cancelling')).toEqual([]);
      const paged = {
        ...everything,
        name,
        statuses: ['confirming', 'confirmed'] as const,
        limit: 1,
      };
      expect(await pagedGids(store, paged)).toEqual(['open-3', 'done-1'].map(named(name)));
    });

    it('filters by the beginning of the gid, in which every character counts as itself', async () => {
      const store = context.store();
      const base = context.gid();
      const gids = ['%', '_', "'", 'A', 'a'].map((end) => `${base}.${end}`);
      await store.write(gids.map((gid) => open(trying(gid))));
      for (const gid of gids)
        expect(await gidsOf(store, { ...everything, gidPrefix: gid })).toEqual([gid]);
      expect(await gidsOf(store, { ...everything, gidPrefix: `${base}.` })).toHaveLength(5);
      expect(await gidsOf(store, { ...everything, gidPrefix: `${base}.\0` })).toEqual([]);
    });

    it('keeps its place while rows come and go between pages', async () => {
      const name = context.gid();
      const store = context.store();
      await seed(store, name);
      const first = await store.list({ ...everything, name, limit: 2 });
      await store.write([
        open(trying(named(name)('newest'), 1, { name, openedAt: times.opened + 99 })),
      ]);
      const next = await store.list({ ...everything, name, limit: 2, cursor: first.nextCursor });
      expect(next.transactions.map(({ gid }) => gid)).toEqual(
        ['open-1b', 'open-1a'].map(named(name)),
      );
    });

    it('takes names with awkward characters as they are stored', async () => {
      const store = context.store();
      const tx = trying(context.gid(), 1, { name: `it's \\ -- \0 ${context.gid()}` });
      await store.write([open(tx)]);
      expect(await gidsOf(store, { ...everything, name: tx.name })).toEqual([tx.gid]);
    });

    it.each(['nonsense', '', 'W10', Buffer.from('["open","x",1]').toString('base64url')])(
      'refuses the cursor %j, which is none of its own',
      async (cursor) => {
        await expect(context.store().list({ ...everything, cursor })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          details: { field: 'cursor' },
        });
      },
    );
  });
}

/** Four unfinished transactions (one confirming, two opened at the same time) and two finished ones. */
async function seed(store: Store, name: string): Promise<void> {
  const opened = (gid: string, after: number): GlobalTransaction =>
    trying(named(name)(gid), 2, { name, openedAt: times.opened + after });
  const [one, two] = [opened('done-1', 0), opened('done-2', 0)];
  const three = opened('open-3', 3);
  const rest = [opened('open-1a', 1), opened('open-1b', 1), opened('open-2', 2)];
  await store.write([one, two, three, ...rest].map(open));
  await store.write([decide(confirming(one)), decide(cancelling(two)), decide(confirming(three))]);
  await store.write([
    progress(finished(confirming(one), times.finished + 1)),
    progress(finished(cancelling(two), times.finished + 2)),
  ]);
}

function named(name: string): (gid: string) => string {
  return (gid) => `${name}/${gid}`;
}

async function gidsOf(store: Store, query: ListQuery): Promise<Gid[]> {
  return (await store.list(query)).transactions.map(({ gid }) => gid);
}

async function pagedGids(store: Store, query: ListQuery): Promise<Gid[]> {
  const found: Gid[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ ...query, cursor });
    expect(page.transactions.length).toBeLessThanOrEqual(query.limit);
    found.push(...page.transactions.map(({ gid }) => gid));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}
