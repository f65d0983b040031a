import { describe, expect, test } from '@jest/globals';
import type { BranchId } from './ids';
import { decide } from './decide';
import { operate } from './operate';
import { decidedByTimeAt, isHeld, restored } from './restored';
import { stuckReasonAt } from './stuck';
import { aBranch, aBranchSpec, aTransaction } from './testing';

const two = '2' as BranchId;
const trying = aTransaction({ branches: [aBranch(), aBranch({ spec: aBranchSpec({ id: two }) })] });
const held = restored(trying);
const late = trying.deadlineAt + 86_400_000;

describe('what comes back with a restored store', () => {
  test('is parked with a reason of its own, and parked once', () => {
    expect(held.branches.map((one) => [one.parked, stuckReasonAt(one, undefined, late)])).toEqual([
      [true, 'restored'],
      [true, 'restored'],
    ]);
    expect(restored(held)).toBe(held);
    expect([isHeld(trying), isHeld(held)]).toEqual([false, true]);
  });

  test('keeps the reason with which it was parked before', () => {
    const [first, second] = trying.branches;
    const attempts = { ...aBranch().attempts, stuckReason: 'barrier' as const };
    const parked = { ...(first ?? aBranch()), parked: true, attempts };
    const tx = aTransaction({
      status: 'confirming',
      decidedAt: 1,
      cause: { kind: 'commit' },
      branches: [parked, second ?? aBranch()],
    });
    expect(restored(tx).branches[0]).toBe(parked);
    expect(restored(tx).branches[1]).toMatchObject({ parked: true });
  });

  test('is not decided by time (R2)', () => {
    expect([decidedByTimeAt(trying), decidedByTimeAt(held)]).toEqual([
      trying.deadlineAt,
      undefined,
    ]);
    const subject = { gid: held.gid, tx: held };
    expect(decide(subject, { kind: 'deadline' }, late)).toEqual({
      kind: 'repeated',
      current: held,
    });
  });

  test('names what an operator can do where a retry cannot help', () => {
    const answer = operate(held, { kind: 'retry', branchIds: [] }, late);
    expect(answer).toMatchObject({
      kind: 'rejected',
      error: { code: 'WRONG_STATUS', message: expect.stringContaining('resume it') },
    });
  });

  test('says who cancelled it, and why (R3)', () => {
    const reason = 'never shipped';
    const order = {
      kind: 'resolve',
      branchId: two,
      asserted: 'cancelled',
      by: 'ann',
      reason,
    } as const;
    expect(operate(held, order, late)).toMatchObject({
      kind: 'accepted',
      next: {
        status: 'cancelling',
        cause: { reason: 'ann resolved branch 2 as cancelled: never shipped' },
        branches: [{ parked: true }, { status: 'cancelled', verdict: { by: 'ann' } }],
      },
    });
  });

  test('with one branch ends with its verdict (R3)', () => {
    const one = restored(aTransaction());
    const order = {
      kind: 'resolve',
      branchId: '1' as BranchId,
      asserted: 'confirmed',
      by: 'ann',
      reason: 'shipped',
    } as const;
    expect(operate(one, order, late)).toMatchObject({
      next: { status: 'confirmed', finishedAt: late, cause: { kind: 'commit' } },
    });
  });
});
