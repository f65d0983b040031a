import { describe, expect, test } from '@jest/globals';
import { type Attempts, noAttempts } from './branch';
import { type Outcome, grpcCode } from './outcome';
import { STUCK_ATTEMPTS, isImmediate, reasonOf, stuckReasonAt } from './stuck';
import { type StuckReason, stuckReasons } from './stuck-reason';
import { aBranch, aBranchSpec } from './testing';

const DECIDED_AT = 1_700_000_000_000;

function failed(code: number): Exclude<Outcome, { kind: 'done' }> {
  return { kind: 'unknown', failure: { grpcCode: code, message: '', peer: undefined } };
}

function aStuckBranch(attempts: Partial<Attempts>) {
  return aBranch({
    spec: aBranchSpec({ stuckAfterMs: 300_000 }),
    attempts: { ...noAttempts, ...attempts },
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
  });

  test('what the participant asked for goes before the code', () => {
    const { failure } = failed(grpcCode.UNAVAILABLE);
    expect(reasonOf({ kind: 'refused', failure })).toBe('rejected');
    expect(reasonOf({ kind: 'parked', failure, conflict: false })).toBe('parked');
    expect(reasonOf({ kind: 'parked', failure, conflict: true })).toBe('barrier');
  });

  test('a participant that asks to be called again is being retried', () => {
    const { failure } = failed(grpcCode.FAILED_PRECONDITION);
    expect(reasonOf({ kind: 'again', failure, afterMs: 1 })).toBe('retrying');
  });
});

describe('isImmediate', () => {
  test('holds for what time alone rarely mends', () => {
    expect(stuckReasons.filter(isImmediate)).toEqual([
      'rejected',
      'unimplemented',
      'auth',
      'barrier',
      'parked',
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

  test('the number of attempts is the one that operators are told', () => {
    expect(STUCK_ATTEMPTS).toBe(5);
  });
});
