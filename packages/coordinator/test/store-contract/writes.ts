import { describe, expect, it } from '@jest/globals';
import { FaultyStore } from '../../src/testing/faulty-store';
import type { ContractContext } from '../store-contract';
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
  withMore,
} from '../support/transaction-moves';

const applied = { kind: 'applied' };

/** Happy paths, repeats, several operations of one gid, and batches in doubt. */
export function describeWrites(context: ContractContext): void {
  describe('writing', () => {
    it('keeps what was opened, extended, confirmed and finished (S1)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      const extended = withMore(opened);
      const decided = confirming(extended);
      const tried = attempted(decided, '2');
      const ended = finished(tried);
      const steps = [
        [open(opened), opened],
        [extend(extended, 2), extended],
        [decide(decided), decided],
        [progress(tried), tried],
        [progress(ended), ended],
      ] as const;
      for (const [operation, after] of steps) {
        expect(await store.write([operation])).toEqual([applied]);
        expect(await store.load(opened.gid)).toEqual(after);
      }
    });

    it('keeps what a rollback told of each Try, and its reason (S1)', async () => {
      const store = context.store();
      const decided = cancelling(trying(context.gid(), 3));
      await store.write([open(trying(decided.gid, 3))]);
      expect(await store.write([decide(decided)])).toEqual([applied]);
      expect(await store.load(decided.gid)).toEqual(decided);
      const ended = finished(decided);
      expect(await store.write([progress(ended)])).toEqual([applied]);
      expect(await store.load(decided.gid)).toEqual(ended);
    });

    it('lets a decision without branches be the end (S1)', async () => {
      const store = context.store();
      const ended = finished(confirming(trying(context.gid(), 0)));
      await store.write([open(trying(ended.gid, 0))]);
      expect(await store.write([decide(ended)])).toEqual([applied]);
      expect(await store.load(ended.gid)).toEqual(ended);
    });

    it('writes the states of all branches with every progress (S1)', async () => {
      const store = context.store();
      const decided = confirming(trying(context.gid(), 3));
      await store.write([open(trying(decided.gid, 3))]);
      await store.write([decide(decided)]);
      const first = attempted(decided, '2');
      await store.write([progress(first)]);
      expect(await store.load(decided.gid)).toEqual(first);
      const all = attempted(attempted(first, '1'), '3');
      await store.write([progress(all)]);
      expect(await store.load(decided.gid)).toEqual(all);
    });

    it('keeps branches that came in several registrations, in their order (S1)', async () => {
      const store = context.store();
      const empty = trying(context.gid(), 0);
      const [one, three] = [withMore(empty), withMore(withMore(empty), 2)];
      await store.write([open(empty), extend(one, 0), extend(three, 1)]);
      expect(await store.load(empty.gid)).toEqual(three);
      const decided = cancelling(three);
      await store.write([decide(decided), progress(attempted(decided, '3'))]);
      expect(await store.load(empty.gid)).toEqual(attempted(decided, '3'));
    });

    it('answers in the order of the batch, refusals among successes (S1)', async () => {
      const store = context.store();
      const [a, b, c] = [trying(context.gid()), trying(context.gid()), trying(context.gid())];
      const results = await store.write([open(a), decide(confirming(b)), open(c)]);
      expect(results).toEqual([applied, { kind: 'refused', row: undefined }, applied]);
    });

    it('takes an empty batch', async () => {
      expect(await context.store().write([])).toEqual([]);
    });

    it('takes probes without leaving anything', async () => {
      const store = context.store();
      await store.probe();
      await store.probe();
      expect(await store.load(trying('probe').gid)).toBeUndefined();
    });
  });

  describeSeveralOfOneGid(context);
  describeRepeats(context);
  describeDoubt(context);
}

function describeSeveralOfOneGid(context: ContractContext): void {
  describe('several operations of one gid in a batch', () => {
    it('count as written one after another (S1)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      const extended = withMore(opened);
      const decided = confirming(extended);
      const batch = [open(opened), extend(extended, 2), decide(decided)];
      expect(await store.write(batch)).toEqual([applied, applied, applied]);
      expect(await store.load(opened.gid)).toEqual(decided);
      // S3: the whole batch once more.
      expect(await store.write(batch)).toEqual([applied, applied, applied]);
      expect(await store.load(opened.gid)).toEqual(decided);
    });

    it('let the first of two opens win and refuse the other with the row (S2)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      const rival = trying(opened.gid, 1, { runId: anotherRun });
      const results = await store.write([open(opened), open(rival)]);
      expect(results[0]).toEqual(applied);
      expect(results[1]).toMatchObject({
        kind: 'refused',
        row: { runId: opened.runId, branches: 2 },
      });
      expect(await store.load(opened.gid)).toEqual(opened);
    });

    it('refuse progress that stood before the decision of the same batch (S2)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      await store.write([open(opened)]);
      const decided = cancelling(opened);
      const results = await store.write([progress(attempted(decided, '1')), decide(decided)]);
      expect(results.map(({ kind }) => kind)).toEqual(['refused', 'applied']);
      expect(await store.load(opened.gid)).toEqual(decided);
    });

    it('refuse an operation of the epoch before a fence (S2)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      const results = await store.write([open(opened), fence(opened), decide(confirming(opened))]);
      expect(results.map(({ kind }) => kind)).toEqual(['applied', 'applied', 'refused']);
      expect(await store.load(opened.gid)).toEqual({ ...opened, epoch: 2 });
    });
  });
}

function describeRepeats(context: ContractContext): void {
  describe('repeating', () => {
    it('answers applied and changes nothing, whatever the operation (S3, I9)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      const extended = withMore(opened);
      const decided = cancelling(extended);
      const tried = attempted(decided, '1');
      const ended = finished(tried);
      const steps = [
        [open(opened), opened],
        [extend(extended, 2), extended],
        [decide(decided), decided],
        [progress(tried), tried],
        [progress(ended), ended],
      ] as const;
      for (const [operation, after] of steps) {
        for (let time = 0; time < 3; time++) {
          expect(await store.write([operation])).toEqual([applied]);
          expect(await store.load(opened.gid)).toEqual(after);
        }
      }
    });

    it('tells the row again when a fence is repeated (S3)', async () => {
      const store = context.store();
      const opened = trying(context.gid());
      await store.write([open(opened)]);
      const row = { owner: 'first', epoch: 2, runId: opened.runId, status: 'trying', branches: 2 };
      expect(await store.write([fence(opened)])).toEqual([{ kind: 'applied', row }]);
      expect(await store.write([fence(opened)])).toEqual([{ kind: 'applied', row }]);
      expect(await store.load(opened.gid)).toEqual({ ...opened, epoch: 2 });
    });

    it('never takes a finished transaction back: late progress is part of its end (S3, S5)', async () => {
      const store = context.store();
      const decided = confirming(trying(context.gid()));
      const ended = finished(decided);
      await store.write([open(trying(decided.gid))]);
      await store.write([decide(decided)]);
      await store.write([progress(ended)]);
      expect(await store.write([progress(attempted(decided, '1'))])).toEqual([applied]);
      expect(await store.load(decided.gid)).toEqual(ended);
    });
  });
}

function describeDoubt(context: ContractContext): void {
  describe('a batch in doubt', () => {
    it.each([true, false])(
      'is resolved by the same open again, applied or not: %s (S4)',
      async (done) => {
        const faulty = new FaultyStore(context.store());
        const opened = trying(context.gid());
        faulty.failNext('unknown', { applied: done });
        await expect(faulty.write([open(opened)])).rejects.toMatchObject({ kind: 'unknown' });
        expect(await faulty.write([open(opened)])).toEqual([applied]);
        expect(await faulty.load(opened.gid)).toEqual(opened);
      },
    );

    it('is resolved by a fence, which tells the decision that was made (S4)', async () => {
      const faulty = new FaultyStore(context.store());
      const opened = trying(context.gid());
      await faulty.write([open(opened)]);
      faulty.failNext('unknown', { applied: true });
      await expect(faulty.write([decide(confirming(opened))])).rejects.toMatchObject({
        kind: 'unknown',
      });
      const [answer] = await faulty.write([fence(opened)]);
      expect(answer).toMatchObject({ kind: 'applied', row: { status: 'confirming', epoch: 2 } });
    });

    it('is fenced: the write that was still under way finds a higher epoch (S4, I8)', async () => {
      const faulty = new FaultyStore(context.store());
      const opened = trying(context.gid());
      await faulty.write([open(opened)]);
      const release = faulty.holdNext();
      const late = faulty.write([decide(confirming(opened))]);
      const [answer] = await faulty.write([fence(opened)]);
      expect(answer).toMatchObject({ row: { status: 'trying', epoch: 2 } });
      release();
      expect(await late).toMatchObject([{ kind: 'refused', row: { epoch: 2 } }]);
      expect(await faulty.load(opened.gid)).toEqual({ ...opened, epoch: 2 });
    });
  });
}
