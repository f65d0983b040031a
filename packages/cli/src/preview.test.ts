/** A preview says what the coordinator would: both ask the same function. */
import { expect, test } from '@jest/globals';
import type { BranchId, OperatorEvent } from '@tercet/core';
import { aBranch, aTransaction, anUnreachableBranch } from '../test/support/views';
import { previewOf } from './preview';

const [one, two] = ['1', '2'] as BranchId[] as [BranchId, BranchId];
const parked = aBranch({ parked: true, stuckReason: 'rejected' });
const mixed = aTransaction({ branches: [parked, anUnreachableBranch()] });
const verdict = { kind: 'resolve', asserted: 'confirmed', by: 'ann', reason: 'r' } as const;

test.each<[string, OperatorEvent, readonly string[]]>([
  ['retry', { kind: 'retry', branchIds: [] }, ['2']],
  ['resume', { kind: 'resume', branchIds: [] }, ['1']],
  ['resume of what is not parked', { kind: 'resume', branchIds: [two] }, []],
  ['resolve', { ...verdict, branchId: one }, ['1']],
])('%s would change', (_verb, event, changed) => {
  expect(previewOf(mixed, event)).toEqual(changed);
});

test.each<[string, OperatorEvent, object]>([
  ['a parked branch', { kind: 'retry', branchIds: [one] }, { code: 'BRANCH_PARKED' }],
  [
    'a branch that is not there',
    { kind: 'resume', branchIds: ['9' as BranchId] },
    { code: 'BRANCH_NOT_FOUND' },
  ],
  [
    'a contradicting verdict',
    { ...verdict, asserted: 'cancelled', branchId: one },
    { code: 'NOT_BUILT_YET' },
  ],
])('%s would be refused', (_what, event, error) => {
  expect(() => previewOf(mixed, event)).toThrow(expect.objectContaining(error));
});

test('an undecided transaction would be refused', () => {
  const trying = aTransaction({ status: 'trying', decidedAt: undefined });
  expect(() => previewOf(trying, { kind: 'retry', branchIds: [] })).toThrow(
    expect.objectContaining({ code: 'WRONG_STATUS' }),
  );
});
