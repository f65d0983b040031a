import { describe, expect, test } from '@jest/globals';
import {
  type Fact,
  type GlobalTransaction,
  factReached,
  facts,
  findBranch,
  holds,
  openPhase,
  pendingBranches,
} from './global-transaction';
import type { BranchId } from './ids';
import { aBranch, aBranchSpec, aTransaction } from './testing';
import type { GlobalStatus } from './transitions';

const second = aBranch({ spec: aBranchSpec({ id: '2' as BranchId }), status: 'confirmed' });

describe('factReached (three facts to wait for: decided, executed, settled)', () => {
  const cases: [string, Partial<GlobalTransaction>, Fact | undefined][] = [
    ['trying', { status: 'trying' }, undefined],
    ['trying without a branch', { status: 'trying', branches: [] }, undefined],
    ['confirming with a pending branch', { status: 'confirming' }, 'decided'],
    [
      'confirming, one of two answered',
      { status: 'confirming', branches: [aBranch(), second] },
      'decided',
    ],
    ['confirming, all answered', { status: 'confirming', branches: [second] }, 'executed'],
    ['cancelling with a pending branch', { status: 'cancelling' }, 'decided'],
    [
      'cancelling, all answered',
      { status: 'cancelling', branches: [aBranch({ status: 'cancelled' })] },
      'executed',
    ],
    ['confirmed', { status: 'confirmed', branches: [second] }, 'settled'],
    ['cancelled', { status: 'cancelled', branches: [] }, 'settled'],
  ];
  test.each(cases)('%s', (_what, over, fact) => {
    expect(factReached(aTransaction(over))).toBe(fact);
  });
});

describe('holds', () => {
  test('each fact implies the weaker ones and no stronger one', () => {
    for (const [i, reached] of facts.entries()) {
      for (const [j, wanted] of facts.entries()) expect(holds(reached, wanted)).toBe(i >= j);
    }
  });

  test.each(facts)('nothing reached is not %s', (wanted) => {
    expect(holds(undefined, wanted)).toBe(false);
  });
});

describe('branches', () => {
  test('pending are those that have not answered OK', () => {
    const first = aBranch();
    expect(pendingBranches(aTransaction({ branches: [first, second] }))).toEqual([first]);
    expect(pendingBranches(aTransaction({ branches: [second] }))).toEqual([]);
  });

  test('are found by id, and an unknown id finds none', () => {
    const tx = aTransaction({ branches: [aBranch(), second] });
    expect(findBranch(tx, '2' as BranchId)).toBe(second);
    expect(findBranch(tx, '3' as BranchId)).toBeUndefined();
  });
});

describe('openPhase (I1: the decision opens one kind of call)', () => {
  const cases: [GlobalStatus, 'confirm' | 'cancel' | undefined][] = [
    ['trying', undefined],
    ['confirming', 'confirm'],
    ['confirmed', undefined],
    ['cancelling', 'cancel'],
    ['cancelled', undefined],
  ];
  test.each(cases)('%s opens %s', (status, phase) => {
    expect(openPhase(aTransaction({ status }))).toBe(phase);
  });
});
