import { expect, it } from '@jest/globals';
import { MemoryStore, type StoreOperation } from '@tercet/coordinator';
import type { Gid } from '@tercet/core';
import { countWrites } from './counted-store';
import { undecided } from './stored-transaction';

function opening(gid: string): StoreOperation {
  return { kind: 'open', tx: undecided(gid as Gid) };
}

it('counts commits and the operations in them, and writes them all the same', async () => {
  const store = new MemoryStore();
  const counts = countWrites(store);
  await store.open('bench');
  await store.write([opening('a'), opening('b')]);
  const [result] = await store.write([opening('c')]);
  expect(counts).toEqual({ commits: 2, operations: 3 });
  expect(result?.kind).toBe('applied');
  expect((await store.load('a' as Gid))?.status).toBe('trying');
  await store.close();
});
