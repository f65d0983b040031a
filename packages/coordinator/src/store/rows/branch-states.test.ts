import { describe, expect, it } from '@jest/globals';
import { type Branch, type GlobalTransaction, noAttempts } from '@tercet/core';
import { aBranch, aTransaction } from '@tercet/core/testing';
import * as fc from 'fast-check';
import { decodeStates, encodeStates } from './branch-states';

const at = 1_700_000_000_000;
const commit = { kind: 'commit' } as const;
const done: Partial<Branch> = { phaseOne: 'done', tryTold: true };
const called = { ...noAttempts, count: 1, firstAt: at, lastAt: at + 12 };

function withBranches(
  over: Partial<GlobalTransaction>,
  ...branches: readonly Partial<Branch>[]
): GlobalTransaction {
  return aTransaction({ ...over, branches: branches.map((branch) => aBranch(branch)) });
}

function statesOf({ branches }: GlobalTransaction): readonly unknown[] {
  return branches.map(({ spec: _, notAfter: __, ...state }) => state);
}

function decoded(tx: GlobalTransaction, states: string | null): readonly unknown[] {
  const row = { status: tx.status, cause: tx.cause?.kind ?? null, states };
  return decodeStates(row, tx.branches.length);
}

describe('states that are as usual (J1)', () => {
  const usual: readonly [string, GlobalTransaction][] = [
    ['no branch', withBranches({})],
    ['trying', withBranches({}, {}, {})],
    ['a commit', withBranches({ status: 'confirming', cause: commit }, done, done)],
    ['a timeout', withBranches({ status: 'cancelling', cause: { kind: 'timeout' } }, {}, {})],
  ];

  it.each(usual)('are not written: %s', (_, tx) => {
    expect(encodeStates(tx)).toBeNull();
    expect(decoded(tx, null)).toEqual(statesOf(tx));
  });

  it('leave of a branch that was called once, well, its count and times', () => {
    const end = { ...done, status: 'confirmed', attempts: called } as const;
    const tx = withBranches({ status: 'confirmed', cause: commit, finishedAt: at }, end, end);
    expect(encodeStates(tx)).toBe(`[[1,0,${at},${at + 12}],[1,0,${at},${at + 12}]]`);
  });

  it('are empty beside others, in the order of branches', () => {
    const tx = withBranches({ status: 'confirming', cause: commit }, done, {
      ...done,
      attempts: called,
    });
    expect(encodeStates(tx)).toBe(`[[],[1,0,${at},${at + 12}]]`);
  });
});

describe('a text of states', () => {
  const time = fc.option(fc.nat(), { nil: undefined });
  const text = fc.string();
  const state: fc.Arbitrary<Partial<Branch>> = fc.record({
    status: fc.constantFrom('registered', 'confirmed', 'cancelled'),
    phaseOne: fc.constantFrom('none', 'started', 'done', 'refused', 'unknown'),
    tryTold: fc.boolean(),
    parked: fc.boolean(),
    attempts: fc.record({
      count: fc.nat(),
      streak: fc.nat(),
      firstAt: time,
      lastAt: time,
      nextAt: time,
      lastFailure: fc.option(
        fc.record({
          grpcCode: fc.nat(16),
          message: text,
          peer: fc.option(text, { nil: undefined }),
        }),
        { nil: undefined },
      ),
      stuckReason: fc.constantFrom(undefined, 'retrying', 'unreachable', 'rejected'),
    }),
    verdict: fc.option(
      fc.record({
        asserted: fc.constantFrom('confirmed', 'cancelled'),
        by: text,
        at: fc.nat(),
        reason: text,
      }),
      { nil: undefined },
    ),
  });

  it('says what was put into it, whatever the row says', () => {
    const statuses = fc.constantFrom(
      'trying',
      'confirming',
      'confirmed',
      'cancelling',
      'cancelled',
    );
    const causes = fc.constantFrom(undefined, commit, { kind: 'timeout' } as const);
    fc.assert(
      fc.property(fc.array(state), statuses, causes, (states, status, cause) => {
        const tx = withBranches({ status, cause }, ...states);
        expect(decoded(tx, encodeStates(tx))).toEqual(statesOf(tx));
      }),
    );
  });
});
