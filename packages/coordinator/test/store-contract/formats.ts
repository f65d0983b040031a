import { describe, expect, it } from '@jest/globals';
import type { Gid } from '@tercet/core';
import { ROW_FORMAT } from '../../src/store/rows/columns';
import type { FormatsFixture } from '../store-contract';
import { open, take, trying } from '../support/transaction-moves';

/** Rows that a newer version has written. */
export function describeFormats(factory: () => Promise<FormatsFixture>): void {
  const newer = { kind: 'unavailable', reason: 'newer_format' };

  describe('rows of a newer format', () => {
    it('are neither claimed nor taken nor read; what is beside them is', async () => {
      const fixture = await factory();
      const [old, late] = [trying('old'), trying('late')];
      await fixture.store.write([open(old), open(late)]);
      await fixture.setFormat(late.gid, ROW_FORMAT + 1);
      const store = await fixture.restart('second');
      try {
        await expect(store.facts(late.gid)).rejects.toMatchObject(newer);
        await expect(store.load(late.gid)).rejects.toMatchObject(newer);
        const facts = {
          owner: 'first',
          epoch: 1,
          runId: late.runId,
          status: 'trying',
          branches: 2,
        };
        expect(await store.write([take(late, 'first')])).toEqual([{ kind: 'refused', row: facts }]);
        expect(await store.loadMany([late.gid, old.gid])).toEqual([old]);
        expect(await store.claim(10)).toEqual([{ ...old, epoch: 2 }]);
        expect(await store.claim(10)).toEqual([]);
      } finally {
        await fixture.end();
      }
    });

    it('are those of their owner again as soon as it reads them', async () => {
      const fixture = await factory();
      const row = trying('a');
      await fixture.store.write([open(row)]);
      await fixture.setFormat('a' as Gid, ROW_FORMAT + 1);
      await expect(fixture.store.loadOwned(row.gid)).rejects.toMatchObject(newer);
      await fixture.setFormat('a' as Gid, ROW_FORMAT);
      expect(await fixture.store.loadOwned(row.gid)).toEqual(row);
      const store = await fixture.restart('second');
      expect(await store.claim(10)).toEqual([{ ...row, epoch: 2 }]);
      await fixture.end();
    });
  });
}
