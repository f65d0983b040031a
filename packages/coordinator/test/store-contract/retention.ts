import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { BranchId, Gid, GlobalTransaction } from '@tercet/core';
import type { Expired, Store, StoreOperation } from '../../src/store/store';
import type { ContractContext, NodesFixture } from '../store-contract';
import {
  anotherRun,
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  finished,
  open,
  progress,
  resolved,
  times,
  trying,
  withMore,
} from '../support/transaction-moves';

const always = Number.MAX_SAFE_INTEGER;
const result = Uint8Array.of(1, 0, 255);
const digest = createHash('sha256').update(result).digest('hex');

/** Tombstones, and their end (S5, S6). */
export function describeRetention(context: ContractContext): void {
  const onFresh = (work: (store: Store) => Promise<void>): Promise<void> =>
    context.fresh(({ store }) => work(store));

  describe('retention', () => {
    it('leaves a tombstone of a finished transaction: who, what became of it, when, and a digest of the result', async () => {
      await onFresh(async (store) => {
        const tx = await ended(store, 'a', { labels: { order: '7' } });
        expect(await store.expire(expiring(times.finished + 1))).toEqual(counts(1, 0));
        const { gid, runId, name, openedAt, deadlineAt, decidedAt, finishedAt, epoch, cause } = tx;
        expect(await store.load(gid)).toEqual({
          ...{ gid, runId, name, openedAt, deadlineAt, decidedAt, finishedAt, epoch, cause },
          status: 'confirmed',
          policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
          labels: {},
          trace: undefined,
          branches: [],
          tombstone: { branches: 3, resultDigest: digest },
        });
        expect(await store.loadResult(gid)).toBeUndefined();
        for (const id of ['1', '2', '3'] as BranchId[]) {
          expect(await store.loadPayloads(gid, id)).toBeUndefined();
        }
        expect(await store.facts(gid)).toMatchObject({ runId, status: 'confirmed', branches: 3 });
      });
    });

    it('leaves nothing of reasons, policy, trace and attempts', async () => {
      await onFresh(async (store) => {
        const row = trying('a', 2, {
          policy: { onTimeout: 'cancel', phaseTwoOrder: 'reverse' },
          trace: { traceparent: '00-abc', tracestate: 'a=1' },
        });
        const decided = cancelling(row);
        await written(store, open(row));
        await written(store, decide(decided));
        await written(store, progress(finished(attempted(decided, '1'))));
        await store.expire(expiring(always));
        const found = await store.load(row.gid);
        expect(found).toMatchObject({
          status: 'cancelled',
          cause: { kind: 'rollback', reason: '' },
          tombstone: { branches: 2, resultDigest: undefined },
        });
        expect(JSON.stringify(found)).not.toMatch(/reverse|00-abc|no stock|unreachable/);
      });
    });

    it('marks tombstones in lists, where they keep their place, name, number of branches and times', async () => {
      await onFresh(async (store) => {
        await ended(store, 'old');
        await ended(store, 'young', {}, times.finished + 5);
        const page = () =>
          store.list({
            ...{ statuses: [], name: 'checkout', gidPrefix: undefined, limit: 9 },
            cursor: undefined,
          });
        const before = (await page()).transactions;
        await store.expire(expiring(times.finished + 1));
        const [young, old] = before;
        expect(before.map(({ tombstone }) => tombstone)).toEqual([false, false]);
        expect((await page()).transactions).toEqual([young, { ...old, tombstone: true }]);
      });
    });

    it('takes the longest finished first, in steps of the limit, and nothing before its time', async () => {
      await onFresh(async (store) => {
        for (const [i, gid] of ['e', 'd', 'c', 'b', 'a'].entries()) {
          await ended(store, gid, {}, times.finished + i);
        }
        const until = { ...expiring(times.finished + 3), limit: 2 };
        expect(await store.expire(until)).toEqual({ expired: 2, forgotten: 0, more: true });
        expect(await tombstones(store, 'abcde')).toBe('de');
        expect(await store.expire(until)).toEqual(counts(1, 0));
        expect(await store.expire(until)).toEqual(counts(0, 0));
        expect(await tombstones(store, 'abcde')).toBe('cde');
      });
    });

    it('gets through many that finished in the same millisecond', async () => {
      await onFresh(async (store) => {
        const gids = Array.from({ length: 7 }, (_, i) => `same-${i}`);
        for (const gid of gids) await ended(store, gid);
        const steps: number[] = [];
        for (let more = true; more; ) {
          const step = await store.expire({ ...expiring(always), limit: 3 });
          steps.push(step.expired);
          more = step.more;
        }
        expect(steps).toEqual([3, 3, 1]);
      });
    });

    it('never touches what is unfinished, however old it is (I7)', async () => {
      await onFresh(async (store) => {
        const rows = [
          trying('trying'),
          confirming(trying('confirming')),
          cancelling(trying('cancelling')),
        ] as const;
        await written(store, ...rows.map(({ gid }) => open(trying(gid))));
        await written(store, decide(rows[1], result), decide(rows[2]));
        for (let step = 0; step < 3; step++) {
          expect(await store.expire({ ...expiring(always), forgetBefore: always })).toEqual(
            counts(0, 0),
          );
        }
        for (const row of rows) expect(await store.load(row.gid)).toEqual(row);
        expect(await store.loadResult(rows[1].gid)).toEqual(result);
        // What finishes afterwards is expired as everything else is.
        await written(store, progress(finished(rows[1])));
        expect(await store.expire(expiring(always))).toEqual(counts(1, 0));
      });
    });

    it('keeps what an operator has resolved whole for ever, and goes past it (S6)', async () => {
      await onFresh(async (store) => {
        const word = { by: 'ops', reason: 'they said ["confirmed", "it"]' };
        const vouched = finished(resolved(confirming(trying('kept')), '1', word));
        await written(store, open(trying('kept')));
        await written(store, decide(confirming(trying('kept')), result));
        await written(store, progress(vouched));
        const after = await ended(store, 'later', {}, times.finished + 1);
        const query = { finishedBefore: always, forgetBefore: always, limit: 1 };
        for (let step = 0; step < 4; step++) await store.expire(query);
        expect(await store.load(vouched.gid)).toEqual(vouched);
        expect(await store.loadResult(vouched.gid)).toEqual(result);
        expect(await store.load(after.gid)).toBeUndefined();
      });
    });

    it('takes what only looks like a verdict for what it is', async () => {
      await onFresh(async (store) => {
        const failing = attempted(confirming(trying('a')), '1', '["confirmed",["cancelled",');
        const [first, second] = finished(failing).branches;
        if (first === undefined || second === undefined) throw new Error('no branches');
        const attempts = {
          ...first.attempts,
          lastFailure: failing.branches[0]?.attempts.lastFailure,
        };
        const row = { ...finished(failing), branches: [{ ...first, attempts }, second] };
        await written(store, open(trying('a')));
        await written(store, decide(confirming(trying('a'))));
        await written(store, progress(row));
        expect(await store.expire(expiring(always))).toEqual(counts(1, 0));
      });
    });

    it('answers repeats of what was written before, and refuses what comes late from others', async () => {
      await onFresh(async (store) => {
        const tx = await ended(store, 'a');
        const whole = confirming(withMore(trying('a')));
        await store.expire(expiring(always));
        const before = await store.load(tx.gid);
        await written(store, progress(attempted(whole, '1')));
        await written(store, progress(tx));
        const [again] = await store.write([open(trying('a', 1, { runId: anotherRun }))]);
        expect(again).toMatchObject({ kind: 'refused', row: { status: 'confirmed', branches: 3 } });
        expect(await store.load(tx.gid)).toEqual(before);
      });
    });

    it('removes the tombstone at the end of its time; then the gid is free, and nothing of the old one is left', async () => {
      await onFresh(async (store) => {
        const labels = { order: '7' };
        const tx = await ended(store, 'a', { labels });
        const at = times.finished;
        const query = { finishedBefore: at + 1, forgetBefore: at, limit: 10 };
        expect(await store.expire(query)).toEqual(counts(1, 0));
        expect(await store.expire({ ...query, forgetBefore: at + 1 })).toEqual(counts(0, 1));
        expect(await store.load(tx.gid)).toBeUndefined();
        expect(await store.facts(tx.gid)).toBeUndefined();

        const next = await ended(store, 'a', { labels, runId: anotherRun }, at + 9);
        expect(await store.expire(query)).toEqual(counts(0, 0));
        expect(await store.load(tx.gid)).toEqual(next);
        expect(await store.loadResult(tx.gid)).toEqual(result);
      });
    });

    it('does both steps in one call where both are due', async () => {
      await onFresh(async (store) => {
        await ended(store, 'a');
        const query = { finishedBefore: always, forgetBefore: always, limit: 10 };
        expect(await store.expire(query)).toEqual(counts(1, 1));
        expect(await store.load('a' as Gid)).toBeUndefined();
      });
    });

    it('finds what finished so late that its place was passed: at the end of the window at the latest', async () => {
      await onFresh(async (store) => {
        await ended(store, 'early', {}, times.finished + 5);
        await store.expire(expiring(times.finished + 6));
        await ended(store, 'late', { labels: { order: '7' } });
        await ended(store, 'late-2');
        const query = { finishedBefore: times.finished + 6, forgetBefore: times.finished + 6 };
        let step: Expired;
        do step = await store.expire({ ...query, limit: 2 });
        while (step.more);
        for (const gid of ['early', 'late', 'late-2']) {
          expect(await store.load(gid as Gid)).toBeUndefined();
        }
        await ended(store, 'late', { labels: { order: '7' } }, times.finished + 9);
      });
    });

    it('goes on where it was after a restart, and claims no tombstone', async () => {
      await context.fresh(async (fixture) => {
        for (const gid of ['a', 'b', 'c']) await ended(fixture.store, gid);
        await fixture.store.expire({ ...expiring(always), limit: 2 });
        const next = await fixture.restart('second');
        expect(await next.claim(10)).toEqual([]);
        expect(await next.expire({ ...expiring(always), limit: 2 })).toEqual(counts(1, 0));
        expect(await tombstones(next, 'abc')).toBe('abc');
      });
    });

    it('does everything once where several ask at a time', async () => {
      await onFresh(async (store) => {
        for (const gid of ['a', 'b', 'c', 'd']) await ended(store, gid);
        const query = { finishedBefore: always, forgetBefore: 0, limit: 3 };
        const answers = await Promise.all([1, 2, 3].map(() => settledExpire(store, query)));
        const rest = await store.expire(query);
        const all = [...answers, rest].reduce((sum, { expired }) => sum + expired, 0);
        expect(all).toBe(4);
        expect(await tombstones(store, 'abcd')).toBe('abcd');
      });
    });

    it('tells when the transaction at a place of the finished ones has finished', async () => {
      await onFresh(async (store) => {
        await written(store, open(trying('unfinished')));
        expect(await store.finishedAt(0)).toBeUndefined();
        for (const [i, gid] of ['a', 'b', 'c'].entries()) {
          await ended(store, gid, {}, times.finished + i);
        }
        const places = () => Promise.all([0, 1, 2, 3].map((place) => store.finishedAt(place)));
        const at = times.finished;
        expect(await places()).toEqual([at + 2, at + 1, at, undefined]);
        await store.expire(expiring(at + 1));
        expect(await places()).toEqual([at + 2, at + 1, undefined, undefined]);
      });
    });
  });
}

/** Several nodes expire at the same time. */
export function describeRetentionOfNodes(factory: () => Promise<NodesFixture>): void {
  describe('retention on several nodes', () => {
    it('does everything once, whoever asks and however often, and leaves new work of a free gid alone', async () => {
      const fixture = await factory();
      try {
        const names = ['one', 'two', 'three'];
        const stores: Store[] = [];
        for (const name of names) stores.push(await fixture.node(name));
        const [first] = stores;
        if (first === undefined) throw new Error('no node');
        const gids = Array.from({ length: 40 }, (_, i) => `tx-${i}`);
        await endedTogether(first, gids);
        const query = { finishedBefore: times.finished + 1, forgetBefore: times.finished + 1 };
        let sum = { expired: 0, forgotten: 0 };
        const expireAll = async (store: Store, turn: number): Promise<void> => {
          for (let step = 0; step < 12; step++) {
            const { expired, forgotten } = await settledExpire(store, { ...query, limit: 5 });
            sum = { expired: sum.expired + expired, forgotten: sum.forgotten + forgotten };
            const [gone] = await first.loadMany([gids[step] as Gid]);
            // Its gid is free: somebody opens it again at once.
            if (gone === undefined && turn === 0) {
              await first.write([open(trying(gids[step] ?? '', 2, { runId: anotherRun }))]);
            }
          }
        };
        await Promise.all(stores.map(expireAll));
        for (let rest = 0; rest < 12; rest++) await expireAll(first, 1);
        expect(sum).toEqual({ expired: 40, forgotten: 40 });
        for (const tx of await first.loadMany(gids as Gid[])) {
          expect(tx).toMatchObject({ status: 'trying', runId: anotherRun });
          expect(tx.branches).toHaveLength(2);
        }
      } finally {
        await fixture.end();
      }
    });
  });
}

/** The same in a few batches. */
async function endedTogether(store: Store, gids: readonly string[]): Promise<void> {
  await written(store, ...gids.map((gid) => open(trying(gid))));
  await written(store, ...gids.map((gid) => decide(confirming(trying(gid)), result)));
  await written(store, ...gids.map((gid) => progress(finished(confirming(trying(gid))))));
}

function expiring(finishedBefore: number) {
  return { finishedBefore, forgetBefore: 0, limit: 10 };
}

function counts(expired: number, forgotten: number): Expired {
  return { expired, forgotten, more: false };
}

/** One that meets another at the same place may be turned away; it has done nothing then. */
async function settledExpire(
  store: Store,
  query: Parameters<Store['expire']>[0],
): Promise<Expired> {
  return await store.expire(query).catch((error: { readonly kind?: string }) => {
    expect(error.kind).toBe('transient');
    return counts(0, 0);
  });
}

/** A transaction that went its whole way: three branches, one of them added later, a result. */
async function ended(
  store: Store,
  gid: string,
  over: Partial<GlobalTransaction> = {},
  finishedAt: number = times.finished,
): Promise<GlobalTransaction> {
  const row = trying(gid, 2, over);
  const decided = confirming(withMore(row));
  const tx = finished(decided, finishedAt);
  await written(store, open(row));
  await written(store, extend(withMore(row), 2));
  await written(store, decide(decided, result));
  await written(store, progress(tx));
  return tx;
}

async function written(store: Store, ...batch: readonly StoreOperation[]): Promise<void> {
  expect(await store.write(batch)).toEqual(batch.map(() => ({ kind: 'applied' })));
}

/** Those of the gids, a letter each, that are tombstones. */
async function tombstones(store: Store, gids: string): Promise<string> {
  const found = await Promise.all([...gids].map((gid) => store.load(gid as Gid)));
  return found.map((tx) => (tx?.tombstone === undefined ? '' : tx.gid)).join('');
}
