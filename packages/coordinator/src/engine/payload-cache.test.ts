import { describe, expect, it } from '@jest/globals';
import { type BranchId, type Gid, TercetError } from '@tercet/core';
import { aBranch, aBranchSpec, aTransaction } from '@tercet/core/testing';
import { MemoryStore } from '../store/memory-store';
import { StoreFailure } from '../store/store';
import { PayloadCache } from './payload-cache';
import { StoreReader } from './store-reader';

const gid = 'order-1' as Gid;
const one = '1' as BranchId;

function branchOf(id: string, bytes: number, over: { confirmPayload?: Uint8Array } = {}) {
  const payload = new Uint8Array(bytes).fill(Number(id));
  return aBranch({ spec: aBranchSpec({ id: id as BranchId, payload, ...over }) });
}

/** A cache above a store whose reads are counted. */
async function world(bytesMax: number) {
  const store = new MemoryStore();
  await store.open('me');
  let reads = 0;
  const loadPayloads = store.loadPayloads.bind(store);
  store.loadPayloads = (...args) => {
    reads++;
    return loadPayloads(...args);
  };
  return {
    store,
    cache: new PayloadCache(new StoreReader(store), bytesMax),
    reads: () => reads,
  };
}

describe('PayloadCache', () => {
  it('gives back what was kept without asking the store', async () => {
    const { cache, reads } = await world(10_000);
    cache.keep(gid, [branchOf('1', 3, { confirmPayload: Uint8Array.of(9) })]);
    expect(await cache.of(gid, one)).toMatchObject({
      payload: Uint8Array.of(1, 1, 1),
      confirmPayload: Uint8Array.of(9),
      cancelPayload: undefined,
    });
    expect(reads()).toBe(0);
  });

  it('C1: stays under its limit, and what was kept longest ago goes first', async () => {
    const bytesMax = 50 * (1_000 + 200);
    const { cache, reads } = await world(bytesMax);
    for (let i = 0; i < 200; i++) {
      cache.keep(`order-${i}` as Gid, [branchOf('1', 1_000)]);
      expect(cache.bytes).toBeLessThanOrEqual(bytesMax);
    }
    const kept = Array.from({ length: 200 }, (_, i) => cache.peek(`order-${i}` as Gid, one));
    const first = kept.findIndex((payloads) => payloads !== undefined);
    expect(first).toBeGreaterThan(140);
    expect(first).toBeLessThan(170);
    expect(kept.slice(first).every((payloads) => payloads?.payload.length === 1_000)).toBe(true);
    expect(reads()).toBe(0);
    await cache.of('order-0' as Gid, one);
    expect(reads()).toBe(1);
  });

  it('C1: gives a slab back when everything in it is forgotten, and counts it until then', async () => {
    const { cache } = await world(100_000);
    for (let i = 0; i < 20; i++) cache.keep(`order-${i}` as Gid, [branchOf('1', 6_000)]);
    const full = cache.bytes;
    for (let i = 0; i < 20; i++) cache.forget(`order-${i}` as Gid);
    expect(cache.bytes).toBeLessThan(full / 4);
    cache.forget('order-1' as Gid);
    cache.keep(gid, [branchOf('1', 12_000)]);
    expect(cache.bytes).toBe(12_500 + 200);
  });

  it('puts small payloads together, however large the limit is', async () => {
    for (const bytesMax of [64 * 2 ** 20, 4 * 2 ** 30, 20 * 2 ** 30]) {
      const { cache } = await world(bytesMax);
      for (let i = 0; i < 100; i++) cache.keep(`order-${i}` as Gid, [branchOf('1', 100)]);
      expect(cache.bytes).toBe(128 * 1_024 + 100 * 200);
    }
  });

  it('C3: what was handed out stays what it is', async () => {
    const { cache } = await world(10_000);
    cache.keep(gid, [branchOf('1', 100)]);
    const handedOut = cache.peek(gid, one)?.payload;
    cache.forget(gid);
    for (let i = 0; i < 100; i++) {
      cache.keep(`order-${i}` as Gid, [branchOf('2', 100)]);
      cache.forget(`order-${i}` as Gid);
    }
    expect(handedOut).toEqual(new Uint8Array(100).fill(1));
  });

  it('reads from the store what went, and keeps it again (C2)', async () => {
    const { store, cache, reads } = await world(2_000);
    const tx = aTransaction({ gid, branches: [branchOf('1', 1_000), branchOf('2', 1_000)] });
    await store.write([{ kind: 'open', tx }]);
    cache.keep(gid, tx.branches);
    expect((await cache.of(gid, one))?.payload).toHaveLength(1_000);
    expect((await cache.of(gid, one))?.payload).toHaveLength(1_000);
    expect(reads()).toBe(1);
  });

  it.each(['forget', 'clear'] as const)(
    'C4: hands out what was read while its transaction was forgotten (%s), and does not keep it',
    async (how) => {
      const { store, cache, reads } = await world(10_000);
      const tx = aTransaction({ gid, branches: [branchOf('1', 100), branchOf('2', 100)] });
      await store.write([{ kind: 'open', tx }]);
      const early = cache.of(gid, one);
      const other = cache.of(gid, '2' as BranchId);
      cache[how](gid);
      const late = cache.of(gid, one);
      expect((await early)?.payload).toHaveLength(100);
      expect((await other)?.payload).toHaveLength(100);
      expect(cache.peek(gid, '2' as BranchId)).toBeUndefined();
      // Who came back meanwhile is kept.
      await late;
      expect(cache.peek(gid, one)?.payload).toHaveLength(100);
      expect(reads()).toBe(3);
      cache.forget(gid);
      expect(cache.bytes).toBeLessThan(1_300);
    },
  );

  it('does not keep a payload that is larger than itself', async () => {
    const { cache } = await world(2_000);
    cache.keep(gid, [branchOf('1', 100), branchOf('2', 5_000)]);
    expect(cache.bytes).toBeGreaterThan(0);
    expect(cache.bytes).toBeLessThan(1_000);
    expect(cache.peek(gid, one)).toBeDefined();
    expect(cache.peek(gid, '2' as BranchId)).toBeUndefined();
  });

  it('counts an entry that is kept again once', async () => {
    const { cache } = await world(10_000);
    cache.keep(gid, [branchOf('1', 100)]);
    const { bytes } = cache;
    cache.keep(gid, [branchOf('1', 100)]);
    expect(cache.bytes).toBe(bytes);
  });

  it('forgets the branches of a transaction, and all', async () => {
    const { cache } = await world(10_000);
    const tx = aTransaction({ gid, branches: [branchOf('1', 10), branchOf('2', 10)] });
    cache.keep(gid, tx.branches);
    cache.keep('other' as Gid, tx.branches);
    cache.forget(gid);
    expect((await cache.of('other' as Gid, one))?.payload).toHaveLength(10);
    expect(await cache.of(gid, one)).toBeUndefined();
    cache.clear();
    expect(cache.bytes).toBe(0);
  });

  it('holds no view of the bytes that it was given', async () => {
    const { cache } = await world(10_000);
    const branch = branchOf('1', 2);
    cache.keep(gid, [branch]);
    branch.spec.payload.fill(0);
    expect((await cache.of(gid, one))?.payload).toEqual(Uint8Array.of(1, 1));
  });

  it('says that the store cannot be read', async () => {
    const { store, cache } = await world(10_000);
    store.loadPayloads = () => Promise.reject(new StoreFailure('unavailable', 'gone fishing'));
    const error = await cache.of(gid, one).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TercetError);
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'the store cannot be read: gone fishing',
    });
  });
});
