import { describe, expect, it } from '@jest/globals';
import { aBranchSpec, aTransaction } from '@tercet/core/testing';
import { confirming } from '../../test/support/transaction-moves';
import { MemoryStore } from '../store/memory-store';
import type { StoreOperation } from '../store/store';
import { FaultyStore } from './faulty-store';

const tx = aTransaction();
const batch: readonly StoreOperation[] = [{ kind: 'open', tx }];

async function aFaultyStore(): Promise<FaultyStore> {
  const store = new FaultyStore(new MemoryStore());
  await store.open('me');
  return store;
}

describe('a store with scripted faults', () => {
  it('fails without applying, then works again', async () => {
    const store = await aFaultyStore();
    store.failNext('transient', { applied: false });
    await expect(store.write(batch)).rejects.toMatchObject({ kind: 'transient' });
    expect(await store.load(tx.gid)).toBeUndefined();
    expect(await store.write(batch)).toEqual([{ kind: 'applied' }]);
  });

  it('fails after applying: done, but unknown', async () => {
    const store = await aFaultyStore();
    store.failNext('unknown', { applied: true });
    await expect(store.write(batch)).rejects.toMatchObject({ kind: 'unknown' });
    expect(await store.load(tx.gid)).toEqual(tx);
  });

  it('plays faults in their order, for probes too', async () => {
    const store = await aFaultyStore();
    store.failNext('unavailable', { applied: false });
    store.failNext('data', { applied: false });
    await expect(store.probe()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(store.write(batch)).rejects.toMatchObject({ kind: 'data' });
    await store.probe();
  });

  it('holds a write before it is applied until it is released', async () => {
    const store = await aFaultyStore();
    const release = store.holdNext();
    const held = store.write(batch);
    await store.probe();
    expect(await store.load(tx.gid)).toBeUndefined();
    release();
    expect(await held).toEqual([{ kind: 'applied' }]);
  });

  it('can be read, as to what is due only, or not at all', async () => {
    const store = await aFaultyStore();
    await store.write(batch);
    const due = { before: Number.MAX_SAFE_INTEGER, after: undefined, limit: 5 };
    store.readable = 'places';
    await expect(store.loadOwned(tx.gid)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await store.due(due)).toHaveLength(1);
    store.readable = 'nothing';
    await expect(store.due(due)).rejects.toMatchObject({ kind: 'unavailable' });
    store.readable = 'all';
    expect(await store.load(tx.gid)).toEqual(tx);
  });

  it('passes everything else through', async () => {
    const store = await aFaultyStore();
    expect(store.name).toBe('memory');
    await store.write(batch);
    const page = {
      statuses: [],
      name: undefined,
      gidPrefix: undefined,
      limit: 5,
      cursor: undefined,
    };
    expect((await store.list(page)).transactions).toHaveLength(1);
    expect(await store.claim(5)).toEqual([]);
    expect(await store.loadOwned(tx.gid)).toEqual(tx);
    const id = aBranchSpec().id;
    expect(await store.loadPayloads(tx.gid, id)).toMatchObject({ payload: aBranchSpec().payload });
    const due = { before: tx.deadlineAt, after: undefined, limit: 5 };
    expect(await store.due(due)).toEqual([{ nextAt: tx.deadlineAt, gid: tx.gid }]);
    const result = Uint8Array.of(7);
    await store.write([{ kind: 'decide', tx: confirming(tx), result }]);
    expect(await store.loadResult(tx.gid)).toEqual(result);
    await store.close();
    await expect(store.claim(5)).rejects.toThrow('not open');
  });
});
