import { expect, it } from '@jest/globals';
import { MemoryStore } from '@tercet/coordinator';
import type { Gid } from '@tercet/core';
import { undecided, wholeLife } from './stored-transaction';

it('is taken by a store from its opening to its end', async () => {
  const store = new MemoryStore();
  await store.open('bench');
  const gid = 'finished' as Gid;
  for (const operation of wholeLife(gid)) {
    expect((await store.write([operation]))[0]?.kind).toBe('applied');
  }
  const finished = await store.load(gid);
  expect(finished).toMatchObject({ status: 'confirmed', finishedAt: expect.any(Number) });
  expect(finished?.branches.map(({ status }) => status)).toEqual(['confirmed', 'confirmed']);
  await store.close();
});

it('has payloads of 100 bytes', () => {
  const { branches } = undecided('some' as Gid);
  expect(branches.map(({ spec }) => spec.payload.length)).toEqual([100, 100]);
});
