import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { History } from '../test/history';
import { lives } from '../test/lives';

const RUNS = 1_200;

/**
 * What the histories must have met at least so often, about half of what they meet as a rule: a generator of dull
 * histories would prove nothing.
 */
const minimum: Readonly<Record<string, number>> = {
  'left trying': 120,
  'left confirming': 170,
  'left confirmed': 80,
  'left cancelling': 120,
  'left cancelled': 55,
  'settled confirmed': 250,
  'settled cancelled': 250,
  'settled in order all': 250,
  'settled in order registration': 250,
  'settled in order reverse': 250,
  'decided by commit': 250,
  'decided by rollback': 150,
  'decided by timeout': 130,
  'register accepted': 700,
  'register repeated': 600,
  'commit repeated': 250,
  'rollback repeated': 130,
  'deadline repeated': 500,
  'replayed register': 600,
  'replayed commit': 80,
  'replayed rollback': 50,
  'replayed deadline': 4,
  TRANSACTION_NOT_FOUND: 60,
  ANOTHER_RUN: 130,
  GID_CONFLICT: 60,
  WRONG_RUN: 150,
  INVALID_ARGUMENT: 140,
  BRANCH_CONFLICT: 130,
  BRANCHES_MISMATCH: 70,
  ALREADY_DECIDED: 400,
  WRONG_STATUS: 270,
  PHASE_ONE_OVER: 12,
  'answer done': 800,
  'answer refused': 110,
  'answer again': 110,
  'answer parked': 110,
  'answer unknown': 110,
  'answer while parked': 150,
  'answer out of turn': 1_000,
  'answer for no branch': 800,
  'parked by refused': 75,
  'parked by parked': 75,
  'parked by unknown': 6,
  'has to wait': 180,
  'held back': 60,
  'first confirm': 1_000,
  'first cancel': 1_000,
  'first cancel waits': 300,
  'retry accepted': 180,
  'retry repeated': 170,
  'retry WRONG_STATUS': 250,
  'retry BRANCH_NOT_FOUND': 60,
  'retry BRANCH_PARKED': 35,
  'resume accepted': 90,
  'resume repeated': 330,
  'resume WRONG_STATUS': 250,
  'resume BRANCH_NOT_FOUND': 60,
  'resume in the end': 35,
  'resolve accepted': 130,
  'resolve repeated': 55,
  'resolve WRONG_STATUS': 250,
  'resolve BRANCH_NOT_FOUND': 130,
  'resolve NOT_BUILT_YET': 160,
  'resolve in the end': 35,
  'restored trying': 120,
  'restored confirming': 40,
  'restored cancelling': 35,
  'restored as it was': 180,
  'held: commit accepted': 25,
  'held: rollback accepted': 15,
  'held: deadline repeated': 45,
  'held: register rejected': 30,
  'held: register repeated': 60,
  'resume of a held one accepted': 40,
  'resolve of a held one accepted': 40,
  'retry of a held one WRONG_STATUS': 30,
  'resume-all ends a hold': 6,
  'resolve ends a hold': 5,
};

describe('random histories of one transaction', () => {
  test('never break I1–I4, I7, I9, D1–D3, P1–P5, O1–O5 or R1–R3, and each of them can be settled', () => {
    const seen = new Map<string, number>();
    const count = (what: string, times = 1) => seen.set(what, (seen.get(what) ?? 0) + times);
    fc.assert(
      fc.property(lives, fc.integer(), ({ order, steps }, seed) => {
        const history = new History(seed, order);
        for (const step of steps) history.play(step);
        count(`left ${history.tx?.status ?? 'unopened'}`);
        history.settle();
        count(`settled ${history.tx?.status ?? 'unopened'}`);
        count(`settled in order ${order}`);
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
