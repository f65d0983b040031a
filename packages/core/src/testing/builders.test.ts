import { describe, expect, test } from '@jest/globals';
import { decide } from '../decide';
import { parseBranchId, parseGid, parseRunId } from '../ids';
import { aBranch, aBranchSpec, aTransaction, anOpening } from './index';

describe('builders', () => {
  test('make what decide() would have made', () => {
    const { gid, runId, openedAt } = aTransaction();
    const event = {
      kind: 'register',
      runId,
      opening: anOpening(),
      branches: [aBranchSpec()],
    } as const;
    const decision = decide({ gid, tx: undefined }, event, openedAt);
    expect(decision).toMatchObject({ kind: 'accepted', next: aTransaction() });
  });

  test('have valid ids', () => {
    expect(parseGid(aTransaction().gid)).toBeDefined();
    expect(parseRunId(aTransaction().runId)).toBeDefined();
    expect(parseBranchId(aBranchSpec().id)).toBeDefined();
  });

  test('take what a test is about', () => {
    expect(anOpening({ name: 'refund' }).name).toBe('refund');
    expect(aBranchSpec({ barrier: true }).barrier).toBe(true);
    expect(aBranch({ status: 'confirmed' }).status).toBe('confirmed');
    expect(aTransaction({ status: 'cancelled' }).status).toBe('cancelled');
  });
});
