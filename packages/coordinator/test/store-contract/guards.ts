import { describe, expect, it } from '@jest/globals';
import {
  type Branch,
  type BranchId,
  type GlobalTransaction,
  type Verdict,
  noAttempts,
} from '@tercet/core';
import type { StoreOperation } from '../../src/store/store';
import type { ContractContext, StoreFixture } from '../store-contract';
import {
  anotherRun,
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  trying,
  withBranch,
  withMore,
} from '../support/transaction-moves';

/** Operations whose guard must not match, and batches that must not be applied at all. */
export function describeGuards(context: ContractContext): void {
  describe('guards', () => {
    const refused: readonly [string, (row: GlobalTransaction) => StoreOperation][] = [
      ['an extend of another epoch', (row) => extend(withMore({ ...row, epoch: 2 }), 2)],
      ['an extend of another run', (row) => extend(withMore({ ...row, runId: anotherRun }), 2)],
      ['an extend that counts too few branches', (row) => extend(withMore(withMore(row)), 1)],
      ['an extend that counts too many branches', (row) => extend(withMore(withMore(row)), 3)],
      ['a decision of another epoch', (row) => decide(confirming({ ...row, epoch: 2 }))],
      ['a decision of another run', (row) => decide(confirming({ ...row, runId: anotherRun }))],
      ['a decision of fewer branches', (row) => decide(confirming(trying(row.gid, 1)))],
      ['a decision of more branches', (row) => decide(confirming(withMore(row)))],
      ['a rollback of fewer branches', (row) => decide(cancelling(trying(row.gid, 1)))],
      [
        'progress of another epoch',
        (row) => progress(attempted({ ...confirming(row), epoch: 2 }, '1')),
      ],
      ['progress before the decision', (row) => progress(attempted(confirming(row), '1'))],
      ['an end before the decision', (row) => progress(finished(confirming(row)))],
      ['a fence of another epoch', (row) => fence({ ...row, epoch: 3 })],
      ['an open of another run', (row) => open({ ...row, runId: anotherRun })],
    ];

    it.each(refused)('refuse %s and write nothing, branches included (S2, I8)', async (_, make) => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row)]);
      const facts = { owner: 'first', epoch: 1, runId: row.runId, status: 'trying', branches: 2 };
      expect(await store.write([make(row)])).toEqual([{ kind: 'refused', row: facts }]);
      expect(await store.load(row.gid)).toEqual(row);
    });

    const contradictions: readonly [string, (row: GlobalTransaction) => StoreOperation][] = [
      ['a branch', (row) => extend(withMore(trying(row.gid)), 2)],
      ['the other decision', (row) => decide(cancelling(trying(row.gid)))],
      [
        'progress of the other decision',
        (row) => progress(attempted(cancelling(trying(row.gid)), '1')),
      ],
      [
        'progress of fewer branches',
        (row) => progress(attempted(confirming(trying(row.gid, 1)), '1')),
      ],
      ['an end of more branches', (row) => progress(finished(confirming(withMore(row))))],
      ['the end of the other decision', (row) => progress(finished(cancelling(trying(row.gid))))],
      ['an open of the same run', (row) => open(trying(row.gid))],
    ];

    it.each(contradictions)('refuse %s after the decision (S2, I2, I3)', async (_, make) => {
      const store = context.store();
      const row = confirming(trying(context.gid()));
      await store.write([open(trying(row.gid))]);
      await store.write([decide(row)]);
      const answer = await store.write([make(row)]);
      expect(answer).toMatchObject([{ kind: 'refused', row: { status: 'confirming' } }]);
      expect(await store.load(row.gid)).toEqual(row);
    });

    it('refuse everything on a gid that is not there, without making it (S2)', async () => {
      const store = context.store();
      const nobody = trying(context.gid());
      const decided = confirming(nobody);
      const batch = [
        extend(withMore(nobody), 2),
        decide(decided),
        progress(attempted(decided, '1')),
        fence(nobody),
      ];
      const refusal = { kind: 'refused', row: undefined };
      expect(await store.write(batch)).toEqual([refusal, refusal, refusal, refusal]);
      expect(await store.load(nobody.gid)).toBeUndefined();
    });

    it('refuse every write of an owner that lost its transactions (S2, I8)', async () => {
      await context.fresh(async (fixture) => {
        const row = trying('taken');
        await fixture.store.write([open(row)]);
        const store = await fixture.restart('second');
        const operations = [
          extend(withMore(row), 2),
          decide(confirming(row)),
          fence(row),
          open(row),
        ];
        for (const operation of operations) {
          const [answer] = await store.write([operation]);
          expect(answer).toMatchObject({ kind: 'refused', row: { owner: 'first', epoch: 1 } });
        }
        expect(await store.load(row.gid)).toEqual(row);
      });
    });

    it('let an extend and a decision race: whoever comes second is refused (S2, I4)', async () => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row)]);
      const decided = confirming(row);
      const results = await Promise.all([
        store.write([decide(decided)]),
        store.write([extend(withMore(row), 2)]),
      ]);
      expect(results.flat().map(({ kind }) => kind)).toEqual(['applied', 'refused']);
      expect(await store.load(row.gid)).toEqual(decided);
    });
  });

  describePoison(context);
  describeClosed(context);
}

function describePoison(context: ContractContext): void {
  /** A value that the types forbid, as a bug or a foreign client might bring it. */
  const wrong = (value: unknown): never => value as never;
  const spec =
    (over: object) =>
    (row: GlobalTransaction): GlobalTransaction =>
      withBranch(row, '2', (branch) => ({ ...branch, spec: { ...branch.spec, ...over } }));

  const poisons: readonly [string, (row: GlobalTransaction) => StoreOperation][] = [
    ['a payload that is text', (row) => open(spec({ payload: 'text' })(row))],
    ['no payload', (row) => open(spec({ payload: undefined })(row))],
    ['a target that is no text', (row) => open(spec({ target: {} })(row))],
    ['an unknown mode', (row) => open(spec({ mode: 'none' })(row))],
    ['a deadline with a fraction', (row) => open(spec({ stuckAfterMs: 0.5 })(row))],
    ['no stuck threshold', (row) => open(spec({ stuckAttempts: undefined })(row))],
    ['no word on a barrier', (row) => open(spec({ barrier: undefined })(row))],
    ['a branch id that is no text', (row) => open(spec({ id: 7 })(row))],
    ['a method that is no text', (row) => open(spec({ methods: { forward: 1 } })(row))],
    ['an unknown policy', (row) => open({ ...row, policy: wrong({ onTimeout: 'wait' }) })],
    [
      'a time with a fraction',
      (row) => open(withBranch(row, '1', (b) => ({ ...b, notAfter: 0.5 }))),
    ],
    ['no word on parking', (row) => open(spec({ parkPermanentErrors: undefined })(row))],
    ['a name that is no text', (row) => open({ ...row, name: wrong({}) })],
    ['no opening time', (row) => open({ ...row, openedAt: wrong(undefined) })],
    ['an unknown status', (row) => open({ ...row, status: wrong('paused') })],
    ['epoch 0', (row) => open({ ...row, epoch: 0 })],
    ['a status that is no beginning', (row) => open(confirming(row))],
    [
      'two branches of one id',
      (row) => open({ ...row, branches: [...row.branches, ...row.branches] }),
    ],
    ['a label that is no text', (row) => open({ ...row, labels: { order: wrong({}) } })],
    ['an end without its time', (row) => open({ ...row, status: 'confirmed' })],
  ];

  describe('a poison operation', () => {
    it.each(poisons)('fails its whole batch as data: %s (S4)', async (_, make) => {
      const store = context.store();
      const [before, row, after] = [
        trying(context.gid()),
        trying(context.gid()),
        trying(context.gid()),
      ];
      const batch = [open(before), make(row), open(after)];
      await expect(store.write(batch)).rejects.toMatchObject({
        name: 'StoreFailure',
        kind: 'data',
      });
      for (const { gid } of [before, row, after]) expect(await store.load(gid)).toBeUndefined();
      // The rest of the batch is as good as ever.
      expect(await store.write([open(before)])).toEqual([{ kind: 'applied' }]);
    });

    it('leaves a row and its branches as they were: extend, decide, progress (S4)', async () => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row)]);
      const [first] = row.branches;
      if (first === undefined) throw new Error('no branch');
      const doubled = extend({ ...row, branches: [...row.branches, first] }, 2);
      await expect(store.write([doubled])).rejects.toMatchObject({ kind: 'data' });
      const causeless = decide({ ...confirming(row), cause: undefined });
      await expect(store.write([causeless])).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(row.gid)).toEqual(row);
      await store.write([decide(confirming(row))]);
      const torn = attempted(confirming(row), '1', wrong({}));
      await expect(store.write([progress(torn)])).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(row.gid)).toEqual(confirming(row));
    });

    it.each([['text'], [null], [7]])('decides nothing with the result %j (S4)', async (result) => {
      const store = context.store();
      const row = trying(context.gid());
      await store.write([open(row)]);
      const poison = decide(confirming(row), wrong(result));
      await expect(store.write([poison])).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(row.gid)).toEqual(row);
      expect(await store.loadResult(row.gid)).toBeUndefined();
    });

    const brokenNews: readonly [string, (row: GlobalTransaction) => GlobalTransaction][] = [
      ['no word on parked', (row) => news(row, { parked: wrong(undefined) })],
      ['a verdict of nobody', (row) => news(row, { verdict: verdict({ by: undefined }) })],
      ['a verdict without its time', (row) => news(row, { verdict: verdict({ at: undefined }) })],
      ['a verdict without a reason', (row) => news(row, { verdict: verdict({ reason: {} }) })],
      ['an unknown end', (row) => news(row, { status: wrong('done') })],
      ['an unknown end of its Try', (row) => news(row, { phaseOne: wrong('maybe') })],
      [
        'a streak with a fraction',
        (row) => news(row, { attempts: { ...noAttempts, streak: 0.5 } }),
      ],
    ];
    const news = (row: GlobalTransaction, over: Partial<Branch>): GlobalTransaction =>
      withBranch(row, '1', (branch) => ({ ...branch, ...over }));
    const verdict = (over: object): Verdict =>
      wrong({ asserted: 'confirmed', by: 'ops', at: 1, reason: 'why', ...over });

    it.each(brokenNews)('keeps no progress with %s (S4)', async (_, make) => {
      const store = context.store();
      const row = confirming(trying(context.gid()));
      await store.write([open(trying(row.gid)), decide(row)]);
      const poison = progress(make(row), 5);
      await expect(store.write([poison])).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(row.gid)).toEqual(row);
    });

    it.each([0.5, Infinity])('keeps no progress that is due at %s (S4)', async (nextAt) => {
      const store = context.store();
      const row = confirming(trying(context.gid()));
      await store.write([open(trying(row.gid)), decide(row)]);
      const poison = progress(attempted(row, '1'), nextAt);
      await expect(store.write([poison])).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(row.gid)).toEqual(row);
    });
  });
}

function describeClosed(context: ContractContext): void {
  describe('a closed store', () => {
    const calls = (fixture: StoreFixture): (() => Promise<unknown>)[] => [
      () => fixture.store.write([]),
      () => fixture.store.load(trying('any').gid),
      () => fixture.store.loadOwned(trying('any').gid),
      () => fixture.store.loadPayloads(trying('any').gid, '1' as BranchId),
      () => fixture.store.loadResult(trying('any').gid),
      () => fixture.store.due({ before: 1, after: undefined, limit: 1 }),
      () => fixture.store.claim(1),
      () => fixture.store.probe(),
    ];

    it('takes nothing, and closes again without complaint', async () => {
      await context.fresh(async (fixture) => {
        await fixture.store.close();
        await fixture.store.close();
        for (const call of calls(fixture)) await expect(call()).rejects.toThrow('not open');
      });
    });

    it('cannot be opened twice', async () => {
      await expect(context.store().open('again')).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    });
  });
}
