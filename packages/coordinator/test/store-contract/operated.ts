import { describe, expect, it } from '@jest/globals';
import { aBranch, aBranchSpec } from '@tercet/core/testing';
import type { ContractContext } from '../store-contract';
import {
  attempted,
  cancelling,
  confirming,
  decide,
  finished,
  open,
  parked,
  progress,
  resolved,
  trying,
  withBranch,
} from '../support/transaction-moves';

const applied = { kind: 'applied' };

/** Parked branches, verdicts, and what decides when a branch is stuck. */
export function describeOperated(context: ContractContext): void {
  describe('parked branches and verdicts', () => {
    it('survive a restart, with the backoff and the thresholds of the definition (I5, I7)', async () => {
      await context.fresh(async (fixture) => {
        const spec = aBranchSpec({ stuckAttempts: 17, parkPermanentErrors: true });
        const opened = trying('a', 3, {
          branches: [aBranch({ spec }), ...trying('a', 3).branches.slice(1)],
        });
        const decided = confirming(opened);
        const tried = resolved(parked(attempted(attempted(decided, '1'), '1'), '2'), '3');
        await fixture.store.write([open(opened), decide(decided)]);
        expect(await fixture.store.write([progress(tried)])).toEqual([applied]);
        expect(await fixture.store.load(opened.gid)).toEqual(tried);
        expect(tried.branches).toMatchObject([
          { parked: false, attempts: { count: 2, streak: 2 }, spec: { stuckAttempts: 17 } },
          { parked: true, status: 'registered' },
          { status: 'confirmed', verdict: { asserted: 'confirmed', by: 'ops' } },
        ]);
        const next = await fixture.restart('second');
        expect(await next.claim(5)).toEqual([{ ...tried, epoch: 2 }]);
        const ended = finished({ ...tried, epoch: 2 });
        expect(await next.write([progress(ended)])).toEqual([applied]);
        expect(await next.load(opened.gid)).toEqual(ended);
      });
    });

    it('are undone by later progress: a resumed branch is parked no more, its history stays', async () => {
      const store = context.store();
      const decided = cancelling(trying(context.gid()));
      await store.write([open(trying(decided.gid)), decide(decided)]);
      const stopped = parked(decided, '1');
      await store.write([progress(stopped)]);
      const resumed = withBranch(stopped, '1', (branch) => ({
        ...branch,
        parked: false,
        attempts: { ...branch.attempts, streak: 0, stuckReason: 'retrying' },
      }));
      await store.write([progress(resumed)]);
      expect(await store.load(decided.gid)).toEqual(resumed);
      expect(resumed.branches[0]?.attempts).toMatchObject({ count: 1, streak: 0 });
    });

    it('are not touched by progress that comes after the end (S3, S5)', async () => {
      const store = context.store();
      const decided = confirming(trying(context.gid()));
      const ended = finished(resolved(decided, '1'));
      await store.write([open(trying(decided.gid)), decide(decided)]);
      await store.write([progress(ended)]);
      const late = progress(parked(decided, '1'), 1_800_000_000_000);
      expect(await store.write([late])).toEqual([applied]);
      expect(await store.load(decided.gid)).toEqual(ended);
    });

    it('of a refused progress leave nothing (S2, I8)', async () => {
      const store = context.store();
      const decided = confirming(trying(context.gid()));
      await store.write([open(trying(decided.gid)), decide(decided)]);
      const zombie = resolved({ ...decided, epoch: 2 }, '1');
      expect(await store.write([progress(zombie)])).toMatchObject([{ kind: 'refused' }]);
      expect(await store.load(decided.gid)).toEqual(decided);
    });
  });
}
