import { describe, expect, it } from '@jest/globals';
import type { BranchId, Gid } from '@tercet/core';
import { aBranch, aBranchSpec } from '@tercet/core/testing';
import type { ContractContext } from '../store-contract';
import {
  anotherRun,
  branchNumber,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  trying,
  withMore,
} from '../support/transaction-moves';

const branchId = (id: string): BranchId => id as BranchId;
const nobody = 'nobody' as Gid;

/** Reads of parts: what is mine, what a branch sends, what a commit left. */
export function describeReads(context: ContractContext): void {
  describeOwned(context);
  describePayloads(context);
  describeResults(context);
}

function describeOwned(context: ContractContext): void {
  describe('loading what is mine', () => {
    it('gives all that loading gives, at the present epoch', async () => {
      const store = context.store();
      const row = trying(context.gid(), 3, { labels: { order: '7' } });
      await store.write([open(row)]);
      expect(await store.loadOwned(row.gid)).toEqual(row);
      await store.write([fence(row)]);
      expect(await store.loadOwned(row.gid)).toEqual({ ...row, epoch: 2 });
      const decided = confirming({ ...row, epoch: 2 });
      await store.write([decide(decided)]);
      expect(await store.loadOwned(row.gid)).toEqual(decided);
    });

    it('gives nothing finished, and nothing that is not there', async () => {
      const store = context.store();
      const decided = confirming(trying(context.gid()));
      await store.write([open(trying(decided.gid)), decide(decided)]);
      await store.write([progress(finished(decided))]);
      expect(await store.loadOwned(decided.gid)).toBeUndefined();
      expect(await store.load(decided.gid)).toBeDefined();
      expect(await store.loadOwned(nobody)).toBeUndefined();
    });

    it('gives nothing of another incarnation until it is claimed (I8)', async () => {
      await context.fresh(async (fixture) => {
        const row = trying('moved');
        await fixture.store.write([open(row)]);
        const next = await fixture.restart('second');
        expect(await next.load(row.gid)).toEqual(row);
        expect(await next.loadOwned(row.gid)).toBeUndefined();
        await next.claim(5);
        expect(await next.loadOwned(row.gid)).toEqual({ ...row, epoch: 2 });
      });
    });
  });
}

function describePayloads(context: ContractContext): void {
  describe('loading what a branch sends', () => {
    const spec = aBranchSpec({
      id: branchId('1'),
      payload: Uint8Array.of(1, 0, 255),
      confirmPayload: Uint8Array.of(2),
      cancelPayload: new Uint8Array(0),
    });
    const own = aBranch({ spec });

    it('gives the bytes of each call, undefined where they are those of the Try', async () => {
      const store = context.store();
      const row = trying(context.gid(), 0, { branches: [own, branchNumber(2)] });
      await store.write([open(row), extend(withMore(row), 2)]);
      const { payload, confirmPayload, cancelPayload } = spec;
      const same = { confirmPayload: undefined, cancelPayload: undefined };
      const of = (id: string) => store.loadPayloads(row.gid, branchId(id));
      expect(await of('1')).toEqual({ payload, confirmPayload, cancelPayload });
      expect(await of('2')).toEqual({ payload: Uint8Array.of(2, 0, 255), ...same });
      expect(await of('3')).toEqual({ payload: Uint8Array.of(3, 0, 255), ...same });
    });

    it('gives no bytes where none of the calls sends any', async () => {
      const store = context.store();
      const nothing = { payload: new Uint8Array(0), confirmPayload: undefined };
      const silent = aBranch({ spec: aBranchSpec({ id: branchId('1'), ...nothing }) });
      const row = trying(context.gid(), 0, { branches: [silent] });
      await store.write([open(row)]);
      expect(await store.loadPayloads(row.gid, branchId('1'))).toEqual({
        ...nothing,
        cancelPayload: undefined,
      });
    });

    it('gives them after the end and to any incarnation; nothing for what is not kept', async () => {
      await context.fresh(async (fixture) => {
        const row = trying('done', 1);
        await fixture.store.write([open(row), decide(confirming(row))]);
        await fixture.store.write([progress(finished(confirming(row)))]);
        const next = await fixture.restart('second');
        expect(await next.loadPayloads(row.gid, branchId('1'))).toMatchObject({
          payload: Uint8Array.of(1, 0, 255),
        });
        expect(await next.loadPayloads(row.gid, branchId('2'))).toBeUndefined();
        expect(await next.loadPayloads(nobody, branchId('1'))).toBeUndefined();
      });
    });

    it('does not see what a reader does to the bytes', async () => {
      const store = context.store();
      const row = trying(context.gid(), 0, { branches: [own] });
      await store.write([open(row)]);
      const read = await store.loadPayloads(row.gid, branchId('1'));
      read?.payload.fill(9);
      read?.confirmPayload?.fill(9);
      const { payload, confirmPayload, cancelPayload } = spec;
      const again = await store.loadPayloads(row.gid, branchId('1'));
      expect(again).toEqual({ payload, confirmPayload, cancelPayload });
    });
  });
}

function describeResults(context: ContractContext): void {
  describe('results', () => {
    const result = Uint8Array.of(0, 1, 255);

    const contents: readonly [string, Uint8Array][] = [
      ['some bytes', result],
      ['nothing at all', new Uint8Array(0)],
      ['64 KiB', new Uint8Array(65_536).map((_, i) => (i * 31) % 256)],
      ['a view of a larger buffer', new Uint8Array(new Uint8Array(64).fill(7).buffer, 3, 5)],
      ['a Buffer', Buffer.from('ÿ\0þ', 'latin1')],
    ];

    it.each(contents)('are kept with the decision: %s (S1)', async (_, bytes) => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row)]);
      expect(await store.loadResult(row.gid)).toBeUndefined();
      expect(await store.write([decide(confirming(row), bytes)])).toEqual([{ kind: 'applied' }]);
      expect(await store.loadResult(row.gid)).toEqual(new Uint8Array(bytes));
    });

    it('are absent where the commit carried none, and for a gid that is not kept', async () => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row), decide(confirming(row))]);
      expect(await store.loadResult(row.gid)).toBeUndefined();
      expect(await store.loadResult(nobody)).toBeUndefined();
    });

    it('survive a restart, a takeover and the end (I5)', async () => {
      await context.fresh(async (fixture) => {
        const row = confirming(trying('open'));
        const ended = finished(confirming(trying('empty', 0)));
        await fixture.store.write([open(trying('open')), open(trying('empty', 0))]);
        await fixture.store.write([decide(row, result), decide(ended, result)]);
        const next = await fixture.restart('second');
        await next.claim(5);
        await next.write([progress(finished({ ...row, epoch: 2 }))]);
        expect((await next.load(row.gid))?.status).toBe('confirmed');
        for (const { gid } of [row, ended]) expect(await next.loadResult(gid)).toEqual(result);
      });
    });

    it('are those of the deciding commit: a repeat changes nothing (S3, I9)', async () => {
      const store = context.store();
      const [row, bare] = [trying(context.gid()), trying(context.gid())];
      await store.write([open(row), open(bare)]);
      await store.write([decide(confirming(row), result), decide(confirming(bare))]);
      const other = Uint8Array.of(9);
      const repeats = [decide(confirming(row), other), decide(confirming(bare), other)];
      expect(await store.write(repeats)).toEqual([{ kind: 'applied' }, { kind: 'applied' }]);
      expect(await store.write([decide(confirming(row))])).toEqual([{ kind: 'applied' }]);
      expect(await store.loadResult(row.gid)).toEqual(result);
      expect(await store.loadResult(bare.gid)).toBeUndefined();
    });

    it('of a refused decision leave nothing (S2, I8)', async () => {
      const store = context.store();
      const [row, gone] = [trying(context.gid()), trying(context.gid())];
      await store.write([open(row), open(gone), decide(cancelling(gone))]);
      const refused = [
        decide(confirming({ ...row, epoch: 2 }), result),
        decide(confirming({ ...row, runId: anotherRun }), result),
        decide(confirming(gone), result),
        decide(confirming(trying('nobody')), result),
      ];
      const answers = await store.write(refused);
      expect(answers.map(({ kind }) => kind)).toEqual(refused.map(() => 'refused'));
      for (const gid of [row.gid, gone.gid, nobody]) {
        expect(await store.loadResult(gid)).toBeUndefined();
      }
    });

    it('do not see what writers and readers do to the bytes', async () => {
      const store = context.store();
      const row = trying(context.gid());
      const bytes = Buffer.from(result);
      await store.write([open(row)]);
      const writing = store.write([decide(confirming(row), bytes)]);
      bytes.fill(9);
      await writing;
      (await store.loadResult(row.gid))?.fill(9);
      expect(await store.loadResult(row.gid)).toEqual(result);
    });
  });
}
