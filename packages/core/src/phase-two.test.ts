import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deepFreeze } from '../test/deep-freeze';
import { outcomes } from '../test/lives';
import { type Branch, noAttempts } from './branch';
import type { GlobalTransaction } from './global-transaction';
import type { BranchId } from './ids';
import { limits } from './limits';
import { type Outcome, grpcCode } from './outcome';
import { completed, dueAt, openSince, withOutcome } from './phase-two';
import { SeededRandom, aBranch, aBranchSpec, aTransaction } from './testing';
import { globalStatuses } from './transitions';

const DECIDED_AT = 1_700_000_001_000;
const SKEW_MS = 5_000;
const one = '1' as BranchId;
const retry = { firstDelayMs: 100, maxDelayMs: 1_000 };
const failure = { grpcCode: grpcCode.UNAVAILABLE, message: 'gone', peer: '10.0.0.1:1' };
const unknown: Outcome = { kind: 'unknown', failure };

function aDecided(status: GlobalTransaction['status'], branch: Partial<Branch> = {}) {
  const branches = [aBranch({ spec: aBranchSpec({ retry }), ...branch })];
  return deepFreeze(aTransaction({ status, decidedAt: DECIDED_AT, branches }));
}

function due(tx: GlobalTransaction): number | undefined {
  const [branch] = tx.branches;
  return branch && dueAt(tx, branch, SKEW_MS);
}

/** The branch after an answer, with randomness that always draws `unit`. */
function answered(tx: GlobalTransaction, outcome: Outcome, now = DECIDED_AT, unit = 0.5): Branch {
  const random = { unit: () => unit, bytes: () => new Uint8Array() };
  const [branch] = withOutcome(tx, { branchId: one, outcome }, { now, random }).branches;
  if (branch === undefined) throw new Error('the branch is gone');
  return branch;
}

describe('dueAt', () => {
  const notAfter = DECIDED_AT + 4_000;
  const failedOnce = { ...noAttempts, count: 1, nextAt: DECIDED_AT + 77 };

  test.each<[string, ReturnType<typeof aDecided>, number | undefined]>([
    ['nothing while trying', aDecided('trying'), undefined],
    ['nothing once confirmed', aDecided('confirmed', { status: 'confirmed' }), undefined],
    ['nothing once cancelled', aDecided('cancelled', { status: 'cancelled' }), undefined],
    ['nothing after OK', aDecided('confirming', { status: 'confirmed' }), undefined],
    ['a first Confirm at once', aDecided('confirming', { notAfter }), DECIDED_AT],
    [
      'a first Cancel of a told Try at once',
      aDecided('cancelling', { notAfter, tryTold: true }),
      DECIDED_AT,
    ],
    [
      'a first Cancel of an untold Try after it',
      aDecided('cancelling', { notAfter }),
      notAfter + SKEW_MS,
    ],
    [
      'a first Cancel of an untold Try at once behind a barrier',
      aDecided('cancelling', { notAfter, spec: aBranchSpec({ barrier: true }) }),
      DECIDED_AT,
    ],
    ['a first Cancel whose Try is long over', aDecided('cancelling', { notAfter: 1 }), DECIDED_AT],
    [
      'a repeated Cancel by its own plan',
      aDecided('cancelling', { notAfter, attempts: failedOnce }),
      DECIDED_AT + 77,
    ],
    [
      'a repeated Confirm by its own plan',
      aDecided('confirming', { attempts: failedOnce }),
      DECIDED_AT + 77,
    ],
    [
      'a first Cancel that an operator wants at once only after the Try that may still start (P5)',
      aDecided('cancelling', { notAfter, attempts: { ...noAttempts, nextAt: DECIDED_AT + 1 } }),
      notAfter + SKEW_MS,
    ],
    ['a parked Confirm never (P4)', aDecided('confirming', { parked: true }), undefined],
    [
      'a parked Cancel never, not even with a plan (P4)',
      aDecided('cancelling', { parked: true, attempts: failedOnce }),
      undefined,
    ],
  ])('%s (P1)', (_what, tx, at) => {
    expect(due(tx)).toBe(at);
  });

  test('a Cancel that was planned later than the Try can start keeps its plan', () => {
    const attempts = { ...noAttempts, nextAt: notAfter + 60_000 };
    expect(due(aDecided('cancelling', { notAfter, attempts }))).toBe(notAfter + 60_000);
  });

  test('nothing is due without the time of a decision (P1)', () => {
    expect(due(aTransaction({ status: 'confirming' }))).toBeUndefined();
  });
});

describe('openSince (the age of stuck work counts from here)', () => {
  const notAfter = DECIDED_AT + 4_000;
  const since = (tx: GlobalTransaction) => tx.branches.map((b) => openSince(tx, b, SKEW_MS));

  test('is the decision, or the end of the wait for an untold Try', () => {
    expect(since(aDecided('confirming', { notAfter }))).toEqual([DECIDED_AT]);
    expect(since(aDecided('cancelling', { notAfter, tryTold: true }))).toEqual([DECIDED_AT]);
    expect(since(aDecided('cancelling', { notAfter }))).toEqual([notAfter + SKEW_MS]);
    expect(since(aDecided('cancelling', { notAfter: 1 }))).toEqual([DECIDED_AT]);
  });

  test.each([
    ['cancelling', { attempts: { ...noAttempts, count: 3, nextAt: DECIDED_AT + 900_000 } }],
    ['cancelled', { status: 'cancelled' as const }],
  ] as const)('stays the same however the calls went (%s)', (status, over) => {
    expect(since(aDecided(status, { notAfter, ...over }))).toEqual([notAfter + SKEW_MS]);
  });

  test('is undefined while nothing is decided', () => {
    expect(since(aTransaction())).toEqual([undefined]);
  });
});

describe('withOutcome', () => {
  test.each([
    ['confirming', 'confirmed'],
    ['cancelling', 'cancelled'],
  ] as const)('OK while %s ends the branch %s and clears its failure (P2)', (status, end) => {
    const attempts = {
      ...noAttempts,
      count: 2,
      firstAt: 5,
      lastAt: 6,
      nextAt: 7,
      lastFailure: failure,
    };
    const branch = answered(aDecided(status, { attempts }), { kind: 'done' });
    expect(branch.status).toBe(end);
    expect(branch.attempts).toEqual({ ...noAttempts, count: 3, firstAt: 5, lastAt: DECIDED_AT });
  });

  test('a failure is counted, kept and planned again with backoff (P2)', () => {
    const first = answered(aDecided('confirming'), unknown, DECIDED_AT + 10);
    expect(first).toMatchObject({ status: 'registered', phaseOne: 'none' });
    expect(first.attempts).toEqual({
      count: 1,
      streak: 1,
      firstAt: DECIDED_AT + 10,
      lastAt: DECIDED_AT + 10,
      nextAt: DECIDED_AT + 10 + 50,
      lastFailure: failure,
      stuckReason: 'unreachable',
    });
    const second = answered(aDecided('confirming', first), unknown, DECIDED_AT + 90);
    expect(second.attempts).toMatchObject({
      count: 2,
      streak: 2,
      firstAt: DECIDED_AT + 10,
      lastAt: DECIDED_AT + 90,
      nextAt: DECIDED_AT + 90 + 100,
    });
  });

  test.each<[string, Outcome, number]>([
    ['a lost connection: backoff', unknown, 50],
    ['a retry without a wish: backoff', { kind: 'again', failure, afterMs: undefined }, 50],
    ['a retry at once: backoff all the same', { kind: 'again', failure, afterMs: 0 }, 50],
    ['a retry in 3 s: in 3 s', { kind: 'again', failure, afterMs: 3_000 }, 3_000],
    [
      'a retry in a year: in a day',
      { kind: 'again', failure, afterMs: 3e10 },
      limits.durationMsMax,
    ],
    [
      'an unknown method: the slow schedule',
      { kind: 'unknown', failure: { ...failure, grpcCode: grpcCode.UNIMPLEMENTED } },
      750,
    ],
  ])('the next call after %s', (_what, outcome, delay) => {
    expect(answered(aDecided('cancelling'), outcome).attempts.nextAt).toBe(DECIDED_AT + delay);
  });

  test('the backoff grows with the failures since an operator began it anew, the count stays', () => {
    const attempts = { ...noAttempts, count: 40, streak: 0, firstAt: 5, lastAt: 6 };
    const branch = answered(aDecided('confirming', { attempts }), unknown);
    expect(branch.attempts).toMatchObject({ count: 41, streak: 1, firstAt: 5 });
    expect(branch.attempts.nextAt).toBe(DECIDED_AT + 50);
  });

  test('an OK is no failure: it does not lengthen the streak', () => {
    const attempts = { ...noAttempts, count: 3, streak: 2 };
    const branch = answered(aDecided('confirming', { attempts }), { kind: 'done' });
    expect(branch.attempts).toMatchObject({ count: 4, streak: 2 });
  });

  test('the reason to be stuck follows the last failure', () => {
    const rejected = answered(aDecided('confirming'), { kind: 'refused', failure });
    expect(rejected.attempts.stuckReason).toBe('rejected');
    const later = answered(aDecided('confirming', rejected), unknown);
    expect(later.attempts.stuckReason).toBe('unreachable');
  });

  describe('parking (P2, P4)', () => {
    const spec = aBranchSpec({ retry, parkPermanentErrors: true });
    const code = (grpc: number): Outcome => ({
      kind: 'unknown',
      failure: { ...failure, grpcCode: grpc },
    });

    test.each<[string, Outcome, string]>([
      ['a reject', { kind: 'refused', failure }, 'rejected'],
      ['a wish to park', { kind: 'parked', failure, conflict: false }, 'parked'],
      ['a barrier conflict', { kind: 'parked', failure, conflict: true }, 'barrier'],
    ])('%s parks: counted, kept, without a plan', (_what, outcome, stuckReason) => {
      const tx = aDecided('cancelling', { tryTold: true });
      expect(answered(tx, outcome)).toMatchObject({
        status: 'registered',
        parked: true,
        attempts: {
          count: 1,
          streak: 1,
          lastAt: DECIDED_AT,
          nextAt: undefined,
          lastFailure: failure,
          stuckReason,
        },
      });
      const next = aDecided('cancelling', answered(tx, outcome));
      expect(due(next)).toBeUndefined();
      expect(completed(next, DECIDED_AT)).toBeUndefined();
    });

    test('an unknown method is repeated slowly, and parks only where the definition says so', () => {
      const slowly = answered(aDecided('confirming'), code(grpcCode.UNIMPLEMENTED));
      expect(slowly).toMatchObject({ parked: false, attempts: { nextAt: DECIDED_AT + 750 } });
      const stopped = answered(aDecided('confirming', { spec }), code(grpcCode.UNIMPLEMENTED));
      expect(stopped).toMatchObject({
        parked: true,
        attempts: { nextAt: undefined, stuckReason: 'unimplemented' },
      });
      expect(answered(aDecided('confirming', { spec }), unknown).parked).toBe(false);
    });

    const parked = answered(aDecided('confirming'), { kind: 'refused', failure });

    test('a late failure of a call that was under way leaves it parked, and is kept', () => {
      const later = answered(aDecided('confirming', parked), unknown, DECIDED_AT + 9);
      expect(later).toMatchObject({
        parked: true,
        attempts: { count: 2, lastAt: DECIDED_AT + 9, nextAt: undefined },
      });
    });

    test('a late OK ends it, without a verdict', () => {
      const later = answered(aDecided('confirming', parked), { kind: 'done' });
      expect(later).toMatchObject({ status: 'confirmed', parked: false, verdict: undefined });
    });
  });

  test.each([
    [limits.textLengthMax, 'x'.repeat(limits.textLengthMax)],
    [limits.textLengthMax + 1, `${'x'.repeat(limits.textLengthMax - 1)}…`],
  ])("a participant's message of %i characters is kept within the limit", (length, kept) => {
    const long: Outcome = { kind: 'unknown', failure: { ...failure, message: 'x'.repeat(length) } };
    expect(answered(aDecided('confirming'), long).attempts.lastFailure).toEqual({
      ...failure,
      message: kept,
    });
  });

  test('a long message is cut between characters', () => {
    const message = `${'x'.repeat(limits.textLengthMax - 2)}😀 tail`;
    const long: Outcome = { kind: 'unknown', failure: { ...failure, message } };
    const kept = answered(aDecided('confirming'), long).attempts.lastFailure?.message ?? '';
    expect(kept).toHaveLength(limits.textLengthMax);
    expect(kept.startsWith('x'.repeat(limits.textLengthMax - 2))).toBe(true);
    expect(() => encodeURI(kept)).not.toThrow();
  });

  test('touches only the branch that answered', () => {
    const branches = ['1', '2', '3'].map((id) =>
      aBranch({ spec: aBranchSpec({ id: id as BranchId }) }),
    );
    const tx = deepFreeze(aTransaction({ status: 'confirming', decidedAt: DECIDED_AT, branches }));
    const context = { now: DECIDED_AT, random: new SeededRandom() };
    const next = withOutcome(tx, { branchId: '2' as BranchId, outcome: { kind: 'done' } }, context);
    expect(next.branches.map((branch) => branch.status)).toEqual([
      'registered',
      'confirmed',
      'registered',
    ]);
    expect(next.branches[0]).toBe(branches[0]);
    expect(next).toEqual({ ...tx, branches: next.branches });
  });

  test('an answer that nobody waits for changes nothing: undecided, ended, unknown branch (I9)', () => {
    const context = { now: DECIDED_AT, random: new SeededRandom() };
    const ended = aDecided('confirming', { status: 'confirmed' });
    fc.assert(
      fc.property(outcomes, (outcome) => {
        for (const status of globalStatuses.filter((s) => !s.endsWith('ing') || s === 'trying')) {
          const tx = aDecided(status);
          expect(withOutcome(tx, { branchId: one, outcome }, context)).toBe(tx);
        }
        expect(withOutcome(ended, { branchId: one, outcome }, context)).toEqual(ended);
        expect(
          withOutcome(aDecided('confirming'), { branchId: '9' as BranchId, outcome }, context),
        ).toEqual(aDecided('confirming'));
      }),
    );
  });

  test('any answer but OK leaves the branch due within a day, or parked, whatever it says (I7, P2)', () => {
    fc.assert(
      fc.property(outcomes, fc.integer(), fc.nat({ max: 1_000 }), (outcome, seed, count) => {
        const tx = aDecided('cancelling', { tryTold: true, attempts: { ...noAttempts, count } });
        const now = DECIDED_AT + 1;
        const next = withOutcome(
          tx,
          { branchId: one, outcome },
          { now, random: new SeededRandom(seed) },
        );
        const parked = outcome.kind === 'refused' || outcome.kind === 'parked';
        if (outcome.kind === 'done' || parked) return due(next) === undefined;
        const at = due(next) ?? Number.NaN;
        return at >= now && at <= now + limits.durationMsMax;
      }),
    );
  });
});

describe('completed', () => {
  const confirmed = aBranch({ status: 'confirmed' });

  test.each([
    ['confirming', 'confirmed'],
    ['cancelling', 'cancelled'],
  ] as const)('%s ends %s when every branch has answered OK', (status, end) => {
    const tx = aDecided(status, { status: end });
    expect(completed(tx, 42)).toEqual({ ...tx, status: end, finishedAt: 42 });
  });

  test('not while a branch is pending (I7)', () => {
    expect(
      completed({ ...aDecided('confirming'), branches: [confirmed, aBranch()] }, 42),
    ).toBeUndefined();
  });

  test.each(['trying', 'confirmed', 'cancelled'] as const)('not from %s', (status) => {
    expect(completed(aDecided(status, { status: 'confirmed' }), 42)).toBeUndefined();
  });
});
