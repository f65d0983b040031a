import { expect, it } from '@jest/globals';
import { MemoryStore, type StoreOperation } from '@tercet/coordinator';
import type { Gid } from '@tercet/core';
import { countWrites } from './counted-store';
import { undecided, wholeLife } from './stored-transaction';

function opening(gid: string): StoreOperation {
  return { kind: 'open', tx: undecided(gid as Gid) };
}

it('counts what retention does', async () => {
  const store = new MemoryStore();
  const counts = countWrites(store);
  await store.open('bench');
  for (const step of wholeLife('a' as Gid)) await store.write([step]);
  const always = Number.MAX_SAFE_INTEGER;
  await store.expire({ finishedBefore: always, forgetBefore: 0, limit: 9 });
  expect(counts).toMatchObject({ expired: 1, forgotten: 0 });
  await store.expire({ finishedBefore: always, forgetBefore: always, limit: 9 });
  expect(counts).toMatchObject({ expired: 1, forgotten: 1 });
  await store.close();
});

it('counts commits and the operations in them, and writes them all the same', async () => {
  const store = new MemoryStore();
  const counts = countWrites(store);
  await store.open('bench');
  await store.write([opening('a'), opening('b')]);
  const [result] = await store.write([opening('c')]);
  expect(counts).toEqual({ commits: 2, operations: 3, expired: 0, forgotten: 0 });
  expect(result?.kind).toBe('applied');
  expect((await store.load('a' as Gid))?.status).toBe('trying');
  await store.close();
});
