import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { History } from '../test/history';
import { histories } from '../test/steps';

const RUNS = 1_200;

/**
 * What the histories must have met at least so often, about half of what they meet as a rule: a generator of dull
 * histories would prove nothing.
 */
const minimum: Readonly<Record<string, number>> = {
  'left trying': 80,
  'left confirming': 80,
  'left confirmed': 80,
  'left cancelling': 80,
  'left cancelled': 60,
  'settled confirmed': 250,
  'settled cancelled': 250,
  'decided by commit': 250,
  'decided by rollback': 150,
  'decided by timeout': 130,
  'register accepted': 800,
  'register repeated': 800,
  'commit repeated': 400,
  'rollback repeated': 200,
  'deadline repeated': 800,
  'replayed register': 1_000,
  'replayed commit': 150,
  'replayed rollback': 100,
  'replayed deadline': 20,
  TRANSACTION_NOT_FOUND: 40,
  ANOTHER_RUN: 250,
  GID_CONFLICT: 250,
  WRONG_RUN: 150,
  BRANCH_CONFLICT: 200,
  BRANCHES_MISMATCH: 60,
  ALREADY_DECIDED: 1_000,
  WRONG_STATUS: 250,
  PHASE_ONE_OVER: 25,
  'answer done': 800,
  'answer refused': 150,
  'answer again': 150,
  'answer parked': 150,
  'answer unknown': 150,
  'answer out of turn': 1_000,
  'answer for no branch': 800,
  'first confirm': 1_000,
  'first cancel': 1_000,
  'first cancel waits': 500,
};

describe('random histories of one transaction', () => {
  test('never break I1, I2, I3, I7, I9, D1–D3, P1 or P2, and each of them can be settled', () => {
    const seen = new Map<string, number>();
    const count = (what: string, times = 1) => seen.set(what, (seen.get(what) ?? 0) + times);
    fc.assert(
      fc.property(histories, fc.integer(), (steps, seed) => {
        const history = new History(seed);
        for (const step of steps) history.play(step);
        count(`left ${history.tx?.status ?? 'unopened'}`);
        history.settle();
        count(`settled ${history.tx?.status ?? 'unopened'}`);
        for (const [what, times] of history.seen) count(what, times);
      }),
      { numRuns: RUNS },
    );
    const tooRare = Object.entries(minimum)
      .map(([what, wanted]) => ({ what, wanted, seen: seen.get(what) ?? 0 }))
      .filter((row) => row.seen < row.wanted);
    expect(tooRare).toEqual([]);
  });
});
