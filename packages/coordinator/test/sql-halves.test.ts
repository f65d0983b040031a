/** What an SQL store does with a batch that its server takes only in parts (Q3). */
import { expect, test } from '@jest/globals';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import type { FactsRow } from '../src/store/rows/columns';
import type { BatchRows } from '../src/store/sql/batch-rows';
import { BatchTooLarge, type SqlServer } from '../src/store/sql/sql-server';
import { SqlStore } from '../src/store/sql/sql-store';
import { StoreFailure } from '../src/store/store';
import { open, trying } from './support/transaction-moves';

/** Takes `most` opens at a time; the write with number `failing` fails. */
function aStore(most: number, failing?: { readonly write: number; readonly with: StoreFailure }) {
  const written: string[][] = [];
  const server: Partial<SqlServer> = {
    name: 'fake',
    connect: async () => undefined,
    own: () => undefined,
    join: async () => undefined,
    nodeList: async () => [],
    removeNode: async () => true,
    facts: async () => new Map<string, FactsRow>(),
    write: async ([rows]: readonly BatchRows[]) => {
      const gids = (rows?.opens ?? []).map(({ gid }) => gid);
      if (gids.length > most) throw new BatchTooLarge(`${gids.length} are too many`);
      if (written.length === failing?.write) throw failing.with;
      written.push(gids);
      return [
        { opens: gids.length, extensions: 0, decisions: 0, progress: 0, fences: 0, takes: 0 },
      ];
    },
    close: async () => undefined,
  };
  const time = new ManualTime();
  const random = new SeededRandom(1);
  const deps = { clock: time, scheduler: time, random, nodeTtlMs: 1_000, where: 'here' };
  return { store: new SqlStore({ ...deps, server: server as SqlServer }), written };
}

const batch = ['a', 'b', 'c', 'd', 'e'].map((gid) => open(trying(gid)));

test('it is written in halves, and answered as one', async () => {
  const { store, written } = aStore(2);
  await store.open('me');
  expect(await store.write(batch)).toEqual(batch.map(() => ({ kind: 'applied' })));
  expect(written).toEqual([['a', 'b'], ['c'], ['d', 'e']]);
  await store.close();
});

test('one operation that no message can hold is data', async () => {
  const { store } = aStore(0);
  await store.open('me');
  await expect(store.write(batch)).rejects.toMatchObject({ kind: 'data' });
  await store.close();
});

test.each([
  ['data', 'data'],
  ['unknown', 'unknown'],
  // Nobody may be told that nothing was written, or be left out of a repeat because it came too late.
  ['transient', 'unknown'],
  ['unavailable', 'unknown'],
] as const)('where a later half fails as %s, the batch fails as %s (S4)', async (kind, seen) => {
  const { store, written } = aStore(2, { write: 1, with: new StoreFailure(kind, 'no') });
  await store.open('me');
  await expect(store.write(batch)).rejects.toMatchObject({ kind: seen });
  expect(written).toEqual([['a', 'b']]);
  await store.close();
});
