/** The moment at which a run decides: what starts or stops it one microtask earlier or later. */
import { describe, expect, it } from '@jest/globals';
import { Scenario, bill, item, shopIn } from '../../test/support/scenario';
import { rejecting, replied } from '../../test/support/scripted-coordinator';
import { commit } from './commit';
import type { RunEnv } from './run-env';

/** More microtasks than lie between the last Try's reply and Commit. */
const turns = Array.from({ length: 24 }, (_, k) => k);

async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

describe('a Try that starts while the run decides', () => {
  // After two microtasks it once was registered, listed in Commit and never sent.
  it.each(turns)('%i microtasks after the last one is committed sent or not at all', async (k) => {
    const s = new Scenario();
    const late: unknown[] = [];
    const run = await s.outcome((tx) => {
      const first = shopIn(tx).reserve(item);
      void (async () => {
        await first;
        await microtasks(k);
        await shopIn(tx)
          .charge(bill)
          .then(
            () => late.push('sent'),
            (error: unknown) => late.push((error as { code: string }).code),
          );
      })();
    });
    await s.time.settle();
    expect(run.value?.status).toBe('confirmed');
    expect(s.coordinator.requests('commit').map(({ branchIds }) => branchIds)).toEqual([
      s.caller.branches,
    ]);
    expect(late).toEqual([s.caller.branches.length === 2 ? 'sent' : 'ALREADY_DECIDED']);
  });

  it.each(turns)('%i microtasks after the last one and fails is rolled back', async (k) => {
    const s = new Scenario();
    s.caller.onCall = (call, n) => (n === 1 ? replied(call) : rejecting());
    const run = await s.outcome((tx) => {
      const first = shopIn(tx).reserve(item);
      void (async () => {
        await first;
        await microtasks(k);
        await shopIn(tx).charge(bill);
      })().catch(() => {});
    });
    await s.time.settle();
    const started = s.caller.branches.length === 2;
    expect(s.coordinator.kinds.at(-1)).toBe(started ? 'rollback' : 'commit');
    expect(run.error === undefined).toBe(!started);
  });
});

describe('an abort while the run decides', () => {
  // Between the decision and the first attempt it once left `unknown`, though nothing had been sent.
  it.each(turns)(
    '%i microtasks after the last Try ended is unknown only where Commit left',
    async (k) => {
      const s = new Scenario();
      s.coordinator.onCommit = () => 'never';
      const caller = new AbortController();
      const run = await s.outcome(
        async (tx) => {
          await shopIn(tx).reserve(item);
          void microtasks(k).then(() => caller.abort(new Error('enough')));
        },
        { signal: caller.signal },
      );
      if (s.coordinator.kinds.includes('commit')) {
        expect(s.coordinator.kinds).not.toContain('rollback');
        expect(run.error).toMatchObject({ decided: 'unknown' });
      } else {
        expect(s.coordinator.kinds).toEqual(['register', 'rollback']);
        expect(run.error).toMatchObject({
          name: 'TransactionCancelledError',
          cause: { code: 'CALL_CANCELLED', cause: { message: 'enough' } },
        });
      }
    },
  );
});

describe('Commit', () => {
  it.each(['not-sent', 'unknown', 'refused'] as const)(
    'does not leave while a Try is %s',
    async (outcome) => {
      const spec = { id: '2', action: 'charge' };
      const branches = [
        { spec: { id: '1', action: 'reserve' }, outcome: 'done' },
        { spec, outcome },
      ];
      // Nothing else of the run is looked at: whoever sends fails here.
      const env = { plan: { gid: 'order-1' }, tries: { branches } } as unknown as RunEnv;
      expect(await commit(env, undefined)).toMatchObject({
        kind: 'not-sent',
        cause: { message: `Commit was not sent: Try charge (branch 2) is ${outcome}` },
      });
    },
  );
});
