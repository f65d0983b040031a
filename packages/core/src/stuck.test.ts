import { describe, expect, test } from '@jest/globals';
import { type Attempts, type Branch, STUCK_ATTEMPTS_DEFAULT, noAttempts } from './branch';
import { type Outcome, grpcCode } from './outcome';
import { isImmediate, parks, reasonOf, reasonOfCode, stuckReasonAt } from './stuck';
import { type StuckReason, stuckReasons } from './stuck-reason';
import { aBranch, aBranchSpec } from './testing';

const DECIDED_AT = 1_700_000_000_000;

function failed(code: number): Exclude<Outcome, { kind: 'done' }> {
  return { kind: 'unknown', failure: { grpcCode: code, message: '', peer: undefined } };
}

function aStuckBranch(attempts: Partial<Attempts>, over: Partial<Branch> = {}) {
  return aBranch({
    spec: aBranchSpec({ stuckAfterMs: 300_000 }),
    attempts: { ...noAttempts, ...attempts },
    ...over,
  });
}

describe('reasonOf', () => {
  const named: Readonly<Partial<Record<number, StuckReason>>> = {
    [grpcCode.UNAVAILABLE]: 'unreachable',
    [grpcCode.DEADLINE_EXCEEDED]: 'deadline',
    [grpcCode.UNIMPLEMENTED]: 'unimplemented',
    [grpcCode.UNAUTHENTICATED]: 'auth',
    [grpcCode.PERMISSION_DENIED]: 'auth',
    [grpcCode.INVALID_ARGUMENT]: 'rejected',
  };
  const codes = Object.entries(grpcCode).filter(([name]) => name !== 'OK');
  test.each(codes)('an unknown end with %s', (_name, code) => {
    expect(reasonOf(failed(code))).toBe(named[code] ?? 'retrying');
    expect(reasonOfCode(code)).toBe(named[code] ?? 'retrying');
  });

  test('what the participant asked for goes before the code', () => {
    const { failure } = failed(grpcCode.UNAVAILABLE);
    expect(reasonOf({ kind: 'refused', failure })).toBe('rejected');
    expect(reasonOf({ kind: 'parked', failure, conflict: false })).toBe('parked');
    expect(reasonOf({ kind: 'parked', failure, conflict: true })).toBe('barrier');
  });

  test.each([grpcCode.FAILED_PRECONDITION, grpcCode.UNAUTHENTICATED])(
    'a participant that asks to be called again is being retried (code %i)',
    (code) => {
      const { failure } = failed(code);
      expect(reasonOf({ kind: 'again', failure, afterMs: 1 })).toBe('retrying');
    },
  );
});

describe('isImmediate', () => {
  test('holds for what time alone rarely mends', () => {
    expect(stuckReasons.filter(isImmediate)).toEqual([
      'rejected',
      'unimplemented',
      'auth',
      'barrier',
      'parked',
      'restored',
    ]);
  });
});

describe('stuckReasonAt (stuck: 5 attempts, or too old, or not worth retrying)', () => {
  const cases: [string, Partial<Attempts>, number, StuckReason | undefined][] = [
    ['just decided, never answered', {}, 0, undefined],
    ['never answered, just younger than its threshold', {}, 299_999, undefined],
    ['never answered, as old as its threshold', {}, 300_000, 'deadline'],
    ['failed a few times, young', { count: 4, stuckReason: 'unreachable' }, 1_000, undefined],
    ['failed a few times, old', { count: 1, stuckReason: 'retrying' }, 300_000, 'retrying'],
    ['failed five times, young', { count: 5, stuckReason: 'unreachable' }, 1, 'unreachable'],
    ['rejected once, young', { count: 1, stuckReason: 'rejected' }, 1, 'rejected'],
    ['unimplemented, young', { count: 1, stuckReason: 'unimplemented' }, 0, 'unimplemented'],
    ['barrier conflict, clock moved back', { count: 1, stuckReason: 'barrier' }, -5_000, 'barrier'],
  ];
  test.each(cases)('%s', (_what, attempts, age, reason) => {
    expect(stuckReasonAt(aStuckBranch(attempts), DECIDED_AT, DECIDED_AT + age)).toBe(reason);
  });

  test.each(['confirmed', 'cancelled'] as const)('a branch that is %s is never stuck', (status) => {
    const branch = aBranch({ status, attempts: { ...noAttempts, count: 9, stuckReason: 'auth' } });
    expect(stuckReasonAt(branch, DECIDED_AT, DECIDED_AT + 1e9)).toBeUndefined();
  });

  test('the number of attempts is the one of its definition, 5 where it names none', () => {
    expect(STUCK_ATTEMPTS_DEFAULT).toBe(5);
    const at = (stuckAttempts: number, count: number) => {
      const branch = aStuckBranch({ count, stuckReason: 'unreachable' });
      const spec = { ...branch.spec, stuckAttempts };
      return stuckReasonAt({ ...branch, spec }, DECIDED_AT, DECIDED_AT);
    };
    expect([at(1, 0), at(1, 1)]).toEqual([undefined, 'unreachable']);
    expect([at(1_000, 999), at(1_000, 1_000)]).toEqual([undefined, 'unreachable']);
  });

  test('an operator that begins its backoff anew does not hide that it has failed often', () => {
    const attempts = { count: 5, streak: 0, stuckReason: 'retrying' as const };
    expect(stuckReasonAt(aStuckBranch(attempts), DECIDED_AT, DECIDED_AT)).toBe('retrying');
  });

  const lastReasons: readonly (StuckReason | undefined)[] = [undefined, ...stuckReasons];
  test.each(lastReasons)('a parked branch is stuck at any age, last reason %s (I7)', (reason) => {
    const branch = aStuckBranch({ count: 1, stuckReason: reason }, { parked: true });
    for (const since of [undefined, DECIDED_AT, DECIDED_AT + 5_000]) {
      expect(stuckReasonAt(branch, since, DECIDED_AT)).toBe(reason ?? 'parked');
    }
  });

  test('one that waits for another branch is not stuck: that one is', () => {
    const waiting = aStuckBranch({ count: 9, stuckReason: 'auth' });
    expect(stuckReasonAt(waiting, undefined, DECIDED_AT + 1e9)).toBeUndefined();
  });

  test('a branch that was resolved is not stuck, whatever it last met', () => {
    const attempts = { count: 9, stuckReason: 'rejected' as const };
    const verdict = { asserted: 'confirmed', by: 'ann', at: DECIDED_AT, reason: 'paid' } as const;
    const branch = aStuckBranch(attempts, { status: 'confirmed', verdict });
    expect(stuckReasonAt(branch, DECIDED_AT, DECIDED_AT + 1e9)).toBeUndefined();
  });
});

describe('parks (what stops the automatic calls)', () => {
  const { failure } = failed(grpcCode.FAILED_PRECONDITION);
  const byDefault = aBranchSpec();
  const asked = aBranchSpec({ parkPermanentErrors: true });

  test.each<[string, Exclude<Outcome, { kind: 'done' }>]>([
    ['a reject', { kind: 'refused', failure }],
    ['a wish to be parked', { kind: 'parked', failure, conflict: false }],
    ['a contradiction at the barrier', { kind: 'parked', failure, conflict: true }],
  ])("%s does, always: it is the participant's own word", (_what, outcome) => {
    expect([parks(byDefault, outcome), parks(asked, outcome)]).toEqual([true, true]);
  });

  test.each([grpcCode.FAILED_PRECONDITION, grpcCode.UNAUTHENTICATED])(
    'a wish to be called again never does (code %i)',
    (code) => {
      const outcome = { kind: 'again', failure: failed(code).failure, afterMs: undefined } as const;
      expect([parks(byDefault, outcome), parks(asked, outcome)]).toEqual([false, false]);
    },
  );

  const permanent: readonly number[] = [
    grpcCode.INVALID_ARGUMENT,
    grpcCode.PERMISSION_DENIED,
    grpcCode.UNIMPLEMENTED,
    grpcCode.UNAUTHENTICATED,
  ];
  const codes = Object.entries(grpcCode).filter(([name]) => name !== 'OK');
  test.each(codes)('%s without a verdict never does by default', (_name, code) => {
    expect(parks(byDefault, failed(code))).toBe(false);
  });

  test.each(codes)('%s does where the definition asks for it: %#', (_name, code) => {
    expect(parks(asked, failed(code))).toBe(permanent.includes(code));
  });
});
