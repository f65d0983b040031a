/** A due call that was held back because nobody reaches its target: shown, never counted (withHeldBack). */
import { describe, expect, test } from '@jest/globals';
import { deepFreeze } from '../test/deep-freeze';
import { type Attempts, type Branch, noAttempts } from './branch';
import type { GlobalStatus } from './transitions';
import type { BranchId } from './ids';
import { limits } from './limits';
import { type CallFailure, grpcCode } from './outcome';
import { dueAt, openSince, withHeldBack, withOutcome } from './phase-two';
import type { StuckReason } from './stuck-reason';
import { stuckReasonAt } from './stuck';
import { SeededRandom, aBranch, aBranchSpec, aTransaction } from './testing';

const DECIDED_AT = 1_700_000_001_000;
const SKEW_MS = 5_000;
const one = '1' as BranchId;
const failure: CallFailure = {
  grpcCode: grpcCode.UNAVAILABLE,
  message: 'no connection',
  peer: undefined,
};

function aTx(over: Partial<Branch> = {}, status: GlobalStatus = 'confirming') {
  const other = aBranch({ spec: aBranchSpec({ id: '2' as BranchId }) });
  return deepFreeze(
    aTransaction({ status, decidedAt: DECIDED_AT, branches: [aBranch(over), other] }),
  );
}

/** The first branch of `tx`, held back. */
function heldBack(tx: ReturnType<typeof aTx>, met = failure): Branch {
  const [branch] = withHeldBack(tx, one, met).branches;
  if (branch === undefined) throw new Error('the branch is gone');
  return branch;
}

describe('a branch that nobody has called yet', () => {
  const tx = aTx();
  const after = withHeldBack(tx, one, failure);
  const branch = heldBack(tx);

  test("shows what its target's other calls met, and counts no attempt", () => {
    expect(branch.attempts).toEqual({
      ...noAttempts,
      lastFailure: failure,
      stuckReason: 'unreachable',
    });
    expect({ ...branch, attempts: noAttempts }).toEqual(tx.branches[0]);
  });

  test('stays due as it was: its gate decides when it goes', () => {
    expect(dueAt(after, branch, SKEW_MS)).toBe(DECIDED_AT);
  });

  test('is shown as unreachable once it is old enough to be stuck, not before', () => {
    const since = openSince(after, branch, SKEW_MS);
    expect(stuckReasonAt(branch, since, DECIDED_AT + 299_999)).toBeUndefined();
    expect(stuckReasonAt(branch, since, DECIDED_AT + 300_000)).toBe('unreachable');
  });

  test('touches no other branch', () => {
    expect(after.branches[1]).toBe(tx.branches[1]);
    expect(after).toEqual({ ...tx, branches: after.branches });
  });

  test('begins its history with the first call that is made', () => {
    const answer = { branchId: one, outcome: { kind: 'unknown', failure } } as const;
    const context = { now: DECIDED_AT + 9, random: new SeededRandom() };
    const [called] = withOutcome(after, answer, context).branches;
    expect(called?.attempts).toMatchObject({ count: 1, streak: 1, firstAt: DECIDED_AT + 9 });
  });
});

describe('withHeldBack', () => {
  test.each<[number, StuckReason]>([
    [grpcCode.UNAVAILABLE, 'unreachable'],
    [grpcCode.DEADLINE_EXCEEDED, 'deadline'],
  ])('names what closed the gate: code %i is %s', (code, reason) => {
    const met = { ...failure, grpcCode: code };
    expect(heldBack(aTx(), met).attempts).toMatchObject({ stuckReason: reason, lastFailure: met });
  });

  test.each([
    [limits.textLengthMax, 'x'.repeat(limits.textLengthMax)],
    [limits.textLengthMax + 1, `${'x'.repeat(limits.textLengthMax - 1)}…`],
  ])('keeps a message of %i characters within the limit', (length, message) => {
    const met = { ...failure, message: 'x'.repeat(length) };
    expect(heldBack(aTx(), met).attempts.lastFailure).toEqual({ ...failure, message });
  });

  const own: Attempts = {
    ...noAttempts,
    count: 2,
    streak: 2,
    nextAt: DECIDED_AT + 7,
    lastFailure: { grpcCode: grpcCode.INTERNAL, message: 'sold out', peer: '10.0.0.1:1' },
    stuckReason: 'retrying',
  };

  test.each<[string, Partial<Branch>]>([
    ['has a reason of its own', { attempts: own }],
    ['is parked', { parked: true, attempts: { ...own, stuckReason: 'rejected' } }],
    ['is parked without a reason', { parked: true }],
    ['has ended', { status: 'confirmed' }],
  ])('changes nothing of a branch that %s', (_what, over) => {
    const tx = aTx(over);
    expect(heldBack(tx)).toBe(tx.branches[0]);
  });

  test('changes nothing twice: what it met first stays', () => {
    const first = withHeldBack(aTx(), one, failure);
    expect(withHeldBack(first, one, { ...failure, message: 'other' })).toEqual(first);
  });

  test.each(['trying', 'confirmed', 'cancelled'] as const)(
    'changes nothing while no phase two is open: %s',
    (status) => {
      const tx = aTx({}, status);
      expect(withHeldBack(tx, one, failure)).toBe(tx);
    },
  );

  test('changes nothing for a branch that does not exist', () => {
    const tx = aTx();
    expect(withHeldBack(tx, '9' as BranchId, failure)).toEqual(tx);
  });
});
