import { describe, expect, it } from '@jest/globals';
import type { GlobalTransaction } from '@tercet/core';
import { aTransaction } from '@tercet/core/testing';
import {
  anotherRun,
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  trying,
} from '../../test/support/transaction-moves';
import type { RowFacts, StoreOperation } from './store';
import { tookEffect } from './took-effect';

const row = trying('a', 2);

function factsOf(tx: GlobalTransaction, over: Partial<RowFacts> = {}): RowFacts {
  const { epoch, runId, status, branches } = tx;
  return { owner: 'me', epoch, runId, status, branches: branches.length, ...over };
}

const operations: readonly [string, StoreOperation, GlobalTransaction][] = [
  ['an open', open(row), row],
  ['an extend', extend(row, 1), row],
  ['a decision', decide(confirming(row)), confirming(row)],
  ['an end', progress(finished(confirming(row))), finished(confirming(row))],
];

describe('whether an operation took effect', () => {
  it.each(operations)(
    '%s did where the row says my owner, epoch, run and state',
    (_, operation, after) => {
      expect(tookEffect(operation, factsOf(after), { me: 'me' })).toBe(true);
      expect(tookEffect(operation, factsOf(after, { epoch: 2 }), { me: 'me', raised: 1 })).toBe(
        true,
      );
    },
  );

  it.each(operations)('%s did not where anything else stands there', (_, operation, after) => {
    const others = [
      { owner: 'other' },
      { epoch: 2 },
      { runId: anotherRun },
      { status: 'cancelling' as const },
    ];
    for (const other of others) {
      expect(tookEffect(operation, factsOf(after, other), { me: 'me' })).toBe(false);
    }
    expect(tookEffect(operation, undefined, { me: 'me' })).toBe(false);
  });

  it('counts branches: an open or extend of another number is another one', () => {
    expect(tookEffect(open(row), factsOf(row, { branches: 3 }), { me: 'me' })).toBe(false);
    expect(tookEffect(extend(row, 1), factsOf(row, { branches: 3 }), { me: 'me' })).toBe(false);
  });

  it('cannot tell unfinished progress, and takes a finished row for the end of all progress', () => {
    const tried = progress(attempted(confirming(row), '1'));
    expect(tookEffect(tried, factsOf(confirming(row)), { me: 'me' })).toBe(false);
    expect(tookEffect(tried, factsOf(finished(confirming(row))), { me: 'me' })).toBe(true);
    expect(tookEffect(tried, factsOf(finished(cancelling(row))), { me: 'me' })).toBe(false);
  });

  it('knows a fence by the epoch alone', () => {
    const asked = fence(aTransaction({ epoch: 4 }));
    expect(tookEffect(asked, factsOf(row, { epoch: 5 }), { me: 'me' })).toBe(true);
    expect(tookEffect(asked, factsOf(row, { epoch: 6 }), { me: 'me' })).toBe(false);
  });
});
