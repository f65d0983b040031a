/** What operators may do to the branches of a decided transaction (O1–O4). */
import { describe, expect, test } from '@jest/globals';
import { deepFreeze } from '../test/deep-freeze';
import { type Branch, noAttempts } from './branch';
import type { GlobalTransaction, PhaseTwoOrder } from './global-transaction';
import type { BranchId } from './ids';
import { limits } from './limits';
import { grpcCode } from './outcome';
import { type OperatorDecision, type OperatorEvent, type ResolveEvent, operate } from './operate';
import { completed, dueAt, withOutcome } from './phase-two';
import { SeededRandom, aBranch, aBranchSpec, aTransaction } from './testing';
import { type GlobalStatus, decisionOf, isFinished } from './transitions';

const DECIDED_AT = 1_700_000_001_000;
const NOW = DECIDED_AT + 600_000;
const SKEW_MS = 5_000;
const [one, two, three] = ['1', '2', '3'] as BranchId[] as [BranchId, BranchId, BranchId];
const decidedStatuses = ['confirming', 'confirmed', 'cancelling', 'cancelled'] as const;
const open = ['confirming', 'cancelling'] as const;
type Open = (typeof open)[number];

const failure = { grpcCode: grpcCode.UNAVAILABLE, message: 'gone', peer: undefined };
/** A branch that has failed nine times and is planned again. */
const failing: Partial<Branch> = {
  attempts: {
    count: 9,
    streak: 7,
    firstAt: DECIDED_AT + 1,
    lastAt: DECIDED_AT + 500_000,
    nextAt: NOW + 60_000,
    lastFailure: failure,
    stuckReason: 'unreachable',
  },
};
const parked: Partial<Branch> = {
  parked: true,
  attempts: {
    ...noAttempts,
    count: 2,
    streak: 2,
    firstAt: DECIDED_AT + 1,
    lastAt: DECIDED_AT + 2,
    lastFailure: { ...failure, grpcCode: grpcCode.FAILED_PRECONDITION },
    stuckReason: 'rejected',
  },
};

function endOf(status: GlobalStatus): 'confirmed' | 'cancelled' {
  return decisionOf(status) === 'confirm' ? 'confirmed' : 'cancelled';
}

/** A transaction with one branch for each of `parts`, named `1`, `2`, … */
function aTx(
  status: GlobalStatus,
  parts: readonly Partial<Branch>[],
  phaseTwoOrder: PhaseTwoOrder = 'all',
): GlobalTransaction {
  const branches = parts.map((part, i) =>
    aBranch({ spec: aBranchSpec({ id: `${i + 1}` as BranchId }), tryTold: true, ...part }),
  );
  const decided = decisionOf(status) !== undefined;
  return deepFreeze(
    aTransaction({
      status,
      branches,
      policy: { onTimeout: 'cancel', phaseTwoOrder },
      decidedAt: decided ? DECIDED_AT : undefined,
      finishedAt: isFinished(status) ? DECIDED_AT + 1 : undefined,
    }),
  );
}

function retry(...branchIds: BranchId[]): OperatorEvent {
  return { kind: 'retry', branchIds };
}

function resume(...branchIds: BranchId[]): OperatorEvent {
  return { kind: 'resume', branchIds };
}

function resolve(status: GlobalStatus, over: Partial<ResolveEvent> = {}): ResolveEvent {
  const asserted = endOf(status);
  return { kind: 'resolve', branchId: one, asserted, by: 'ann', reason: 'paid by hand', ...over };
}

function accepted(decision: OperatorDecision): Extract<OperatorDecision, { kind: 'accepted' }> {
  if (decision.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(decision)}`);
  return decision;
}

function dues(tx: GlobalTransaction): (number | undefined)[] {
  return tx.branches.map((branch) => dueAt(tx, branch, SKEW_MS));
}

describe('any order', () => {
  const orders: [string, OperatorEvent][] = [
    ['retry', retry()],
    ['resume', resume()],
    ['resolve', resolve('cancelling')],
  ];

  test.each(orders)('%s is refused while nobody has decided (O1)', (kind, event) => {
    const message = `nothing to ${kind}: transaction order-1 is trying, nobody has decided yet`;
    expect(operate(aTx('trying', [{}]), event, NOW)).toMatchObject({
      kind: 'rejected',
      error: {
        code: 'WRONG_STATUS',
        message,
        details: { gid: 'order-1', status: 'trying' },
        retryable: false,
      },
    });
  });

  test.each([
    ['retry', retry(one, three)],
    ['resume', resume(three)],
    ['resolve', resolve('confirming', { branchId: three })],
  ])('%s of an unknown branch names those that exist', (_kind, event) => {
    for (const status of ['confirming', 'confirmed'] as const) {
      expect(operate(aTx(status, [{}, {}]), event, NOW)).toMatchObject({
        kind: 'rejected',
        error: {
          code: 'BRANCH_NOT_FOUND',
          message: 'transaction order-1 has no branch 3; it has 1, 2',
          details: { gid: 'order-1', branch_id: '3' },
        },
      });
    }
  });

  test.each([
    [0, 'none'],
    [11, '1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 more'],
  ])('that names an unknown one of %i branches gets a short list', (count, list) => {
    const tx = aTx('confirmed', Array<Partial<Branch>>(count).fill({ status: 'confirmed' }));
    expect(operate(tx, retry('99' as BranchId), NOW)).toMatchObject({
      error: { message: `transaction order-1 has no branch 99; it has ${list}` },
    });
  });

  test.each(['confirmed', 'cancelled'] as const)(
    'of a transaction that is %s finds its effect there (O4)',
    (status) => {
      const tx = aTx(status, [{ status }, { status }]);
      const named: OperatorEvent[] = [retry(one), resume(two), resolve(status)];
      for (const event of [retry(), resume(), ...named]) {
        expect(operate(tx, event, NOW)).toEqual({ kind: 'repeated', current: tx });
      }
    },
  );

  test.each(open)('changes branches only, nothing else of the transaction %s (O1)', (status) => {
    const tx = aTx(status, [failing, parked, {}]);
    for (const event of [retry(one), resume(), resolve(status)]) {
      const { next } = accepted(operate(tx, event, NOW));
      expect({ ...next, branches: [] }).toEqual({ ...tx, branches: [] });
      expect(next.branches.map(({ spec }) => spec)).toEqual(tx.branches.map(({ spec }) => spec));
    }
  });
});

describe('retry', () => {
  test.each(open)(
    'makes what is pending due now while %s, and begins its backoff anew',
    (status) => {
      const { next, changed } = accepted(operate(aTx(status, [failing, failing]), retry(), NOW));
      expect(changed).toEqual(['1', '2']);
      expect(dues(next)).toEqual([NOW, NOW]);
      const attempts = { ...failing.attempts, streak: 0, nextAt: NOW };
      expect(next.branches.map((branch) => branch.attempts)).toEqual([attempts, attempts]);
    },
  );

  test('touches the named branches only', () => {
    const tx = aTx('confirming', [failing, failing, failing]);
    const { next, changed } = accepted(operate(tx, retry(three, one, three), NOW));
    expect(changed).toEqual(['1', '3']);
    expect(next.branches[1]).toBe(tx.branches[1]);
    expect(dues(next)).toEqual([NOW, NOW + 60_000, NOW]);
  });

  test('leaves out what is parked and what has ended, where none is named', () => {
    const tx = aTx('confirming', [failing, parked, { status: 'confirmed' }]);
    const { next, changed } = accepted(operate(tx, retry(), NOW));
    expect(changed).toEqual(['1']);
    expect(next.branches.slice(1)).toEqual(tx.branches.slice(1));
  });

  test('of a branch that has ended finds its effect there (O4)', () => {
    const tx = aTx('confirming', [failing, { status: 'confirmed' }]);
    expect(operate(tx, retry(two), NOW)).toEqual({ kind: 'repeated', current: tx });
  });

  test('may be repeated: it is accepted again and makes the same of it (O4, I9)', () => {
    const { next } = accepted(operate(aTx('confirming', [failing]), retry(), NOW));
    expect(accepted(operate(next, retry(), NOW)).next).toEqual(next);
    expect(dues(accepted(operate(next, retry(), NOW + 5)).next)).toEqual([NOW + 5]);
  });

  test('never calls a Cancel while its Try may still start (P5)', () => {
    const tx = aTx('cancelling', [{ tryTold: false, notAfter: NOW + 1_000 }]);
    const { next } = accepted(operate(tx, retry(), NOW));
    expect(dues(next)).toEqual([NOW + 1_000 + SKEW_MS]);
  });

  describe('of parked branches is refused, and nothing is changed:', () => {
    const text = (what: string, wish: string) => `${what} parked: resume ${wish} called again`;
    test.each([
      [
        'one is named',
        [failing, parked],
        [two],
        text('branch 2 of transaction order-1 is', 'it to have it'),
        '2',
      ],
      [
        'one of those that are named',
        [failing, parked],
        [one, two],
        text('branch 2 of transaction order-1 is', 'it to have it'),
        '2',
      ],
      [
        'all that is pending',
        [parked, { status: 'confirmed' as const }, parked],
        [],
        text('branches 1, 3 of transaction order-1 are', 'them to have them'),
        '1',
      ],
      [
        'a dozen',
        Array<Partial<Branch>>(12).fill(parked),
        [],
        text(
          'branches 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more of transaction order-1 are',
          'them to have them',
        ),
        '1',
      ],
    ])('%s', (_what, parts, ids, message, id) => {
      const decision = operate(aTx('confirming', parts), retry(...ids), NOW);
      expect(decision).toMatchObject({
        kind: 'rejected',
        error: {
          code: 'BRANCH_PARKED',
          message,
          details: { gid: 'order-1', branch_id: id },
          retryable: false,
        },
      });
    });
  });
});

describe('resume', () => {
  test.each(open)('has parked branches called again at once while %s (P4)', (status) => {
    const tx = aTx(status, [parked, failing, parked]);
    const { next, changed } = accepted(operate(tx, resume(), NOW));
    expect(changed).toEqual(['1', '3']);
    expect(dues(next)).toEqual([NOW, NOW + 60_000, NOW]);
    expect(next.branches[1]).toBe(tx.branches[1]);
  });

  test('keeps the history, and no longer shows the reason why it was parked (O3)', () => {
    const { next } = accepted(operate(aTx('confirming', [parked]), resume(one), NOW));
    expect(next.branches[0]).toMatchObject({ parked: false, status: 'registered' });
    expect(next.branches[0]?.attempts).toEqual({
      ...parked.attempts,
      streak: 0,
      nextAt: NOW,
      stuckReason: 'retrying',
    });
  });

  test('touches the named branches only', () => {
    const tx = aTx('confirming', [parked, parked]);
    const { next, changed } = accepted(operate(tx, resume(two), NOW));
    expect(changed).toEqual(['2']);
    expect(next.branches[0]).toBe(tx.branches[0]);
  });

  test.each([
    ['what is not parked', resume(two)],
    ['what has ended', resume(three)],
  ])('of %s finds its effect there (O4)', (_what, event) => {
    const tx = aTx('confirming', [parked, failing, { status: 'confirmed' }]);
    expect(operate(tx, event, NOW)).toEqual({ kind: 'repeated', current: tx });
  });

  test('twice changes nothing more (O4, I9)', () => {
    const { next } = accepted(operate(aTx('confirming', [parked, failing]), resume(), NOW));
    for (const event of [resume(), resume(one)]) {
      expect(operate(next, event, NOW + 5)).toEqual({ kind: 'repeated', current: next });
    }
  });

  test('a branch that parks again can be resumed again', () => {
    const { next } = accepted(operate(aTx('confirming', [parked]), resume(), NOW));
    const outcome = { kind: 'refused', failure } as const;
    const context = { now: NOW + 1, random: new SeededRandom() };
    const again = withOutcome(next, { branchId: one, outcome }, context);
    expect(again.branches[0]).toMatchObject({ parked: true, attempts: { count: 3, streak: 1 } });
    expect(dues(accepted(operate(again, resume(), NOW + 2)).next)).toEqual([NOW + 2]);
  });
});

describe('resolve', () => {
  const verdict = (status: GlobalStatus) => ({
    asserted: endOf(status),
    by: 'ann',
    at: NOW,
    reason: 'paid by hand',
  });
  const states: [string, Partial<Branch>][] = [
    ['was never called', {}],
    ['keeps failing', failing],
    ['is parked', parked],
  ];
  const cases = open.flatMap((status) => states.map((state) => [status, ...state] as const));

  test.each(cases)('while %s ends a branch that %s and records who, when, why (O2)', (...row) => {
    const [status, , state] = row;
    const tx = aTx(status, [state]);
    const { next, changed } = accepted(operate(tx, resolve(status), NOW));
    const [before] = tx.branches;
    expect(changed).toEqual(['1']);
    expect(next.branches).toEqual([
      {
        ...before,
        status: endOf(status),
        parked: false,
        verdict: verdict(status),
        attempts: { ...before?.attempts, nextAt: undefined },
      },
    ]);
    expect(dues(next)).toEqual([undefined]);
    expect(completed(next, NOW)?.status).toBe(endOf(status));
  });

  test('touches no other branch', () => {
    const tx = aTx('cancelling', [failing, parked, {}]);
    const { next } = accepted(operate(tx, resolve('cancelling', { branchId: two }), NOW));
    expect([next.branches[0], next.branches[2]]).toEqual([tx.branches[0], tx.branches[2]]);
    expect(completed(next, NOW)).toBeUndefined();
  });

  test.each(decidedStatuses)('against the decision is refused while %s, ended or not', (status) => {
    const end = endOf(status);
    const asserted = end === 'confirmed' ? 'cancelled' : 'confirmed';
    const message = `as: a verdict that contradicts the decision is not built yet; transaction order-1 is ${status}, so a branch can be resolved as ${end} only`;
    for (const state of [parked, { status: end }]) {
      expect(operate(aTx(status, [state]), resolve(status, { asserted }), NOW)).toMatchObject({
        kind: 'rejected',
        error: { code: 'NOT_BUILT_YET', message, details: { gid: 'order-1', field: 'as' } },
      });
    }
  });

  test('of a branch that answered OK needs no verdict (O4)', () => {
    const tx = aTx('confirming', [{ status: 'confirmed' }, failing]);
    expect(operate(tx, resolve('confirming'), NOW)).toEqual({ kind: 'repeated', current: tx });
  });

  test('twice records the first verdict only, whoever gives the second (O2, O4, I9)', () => {
    const { next } = accepted(operate(aTx('confirming', [parked, {}]), resolve('confirming'), NOW));
    const again = resolve('confirming', { by: 'bob', reason: 'me too' });
    for (const event of [resolve('confirming'), again]) {
      expect(operate(next, event, NOW + 5)).toEqual({ kind: 'repeated', current: next });
    }
  });

  test('an answer that comes after the verdict changes nothing', () => {
    const { next } = accepted(operate(aTx('confirming', [parked]), resolve('confirming'), NOW));
    const context = { now: NOW + 1, random: new SeededRandom() };
    for (const outcome of [{ kind: 'done' }, { kind: 'refused', failure }] as const) {
      expect(withOutcome(next, { branchId: one, outcome }, context)).toEqual(next);
    }
  });

  test.each([
    ['x'.repeat(limits.textLengthMax), 'x'.repeat(limits.textLengthMax)],
    ['x'.repeat(limits.textLengthMax + 1), 'x'.repeat(limits.textLengthMax)],
    ['half \uD83D', 'half \uFFFD'],
  ])('keeps a reason that can be stored (%#)', (reason, kept) => {
    const { next } = accepted(
      operate(aTx('confirming', [{}]), resolve('confirming', { reason }), NOW),
    );
    expect(next.branches[0]?.verdict?.reason).toBe(kept);
  });

  test('keeps the name of who resolved as it was told', () => {
    const by = 'x'.repeat(limits.operatorLengthMax);
    const { next } = accepted(operate(aTx('confirming', [{}]), resolve('confirming', { by }), NOW));
    expect(next.branches[0]?.verdict?.by).toBe(by);
  });
});

describe('in an ordered phase two (P3)', () => {
  const rows = open.flatMap((status: Open) => [
    [status, 'registration', [one, two, three]] as const,
    [status, 'reverse', [three, two, one]] as const,
  ]);

  test.each(rows)('%s, %s: a resumed branch blocks its successors until its OK', (...row) => {
    const [status, order, [first, second]] = row;
    const parts = [{}, {}, {}].map((_, i) => (`${i + 1}` === first ? parked : {}));
    const tx = aTx(status, parts, order);
    const { next } = accepted(operate(tx, resume(), NOW));
    const dueOf = (of: GlobalTransaction) =>
      of.branches.flatMap((b) => (dueAt(of, b, SKEW_MS) === undefined ? [] : [b.spec.id]));
    expect([dueOf(tx), dueOf(next)]).toEqual([[], [first]]);
    const answer = { branchId: first, outcome: { kind: 'done' } } as const;
    const after = withOutcome(next, answer, { now: NOW + 1, random: new SeededRandom() });
    expect(dueOf(after)).toEqual([second]);
  });

  test.each(rows)('%s, %s: a verdict on the parked one frees the next', (...row) => {
    const [status, order, [first, second, last]] = row;
    const parts = [{}, {}, {}].map((_, i) => (`${i + 1}` === first ? parked : {}));
    const event = resolve(status, { branchId: first });
    const { next } = accepted(operate(aTx(status, parts, order), event, NOW));
    const dueOf = (id: BranchId) => dues(next)[next.branches.findIndex((b) => b.spec.id === id)];
    expect([first, second, last].map(dueOf)).toEqual([undefined, NOW, undefined]);
  });

  test.each(rows)('%s, %s: retry makes nobody due before its turn', (...row) => {
    const [status, order, [first]] = row;
    const { next, changed } = accepted(operate(aTx(status, [{}, {}, {}], order), retry(), NOW));
    expect(changed).toEqual(['1', '2', '3']);
    expect(dues(next).map((at, i) => (at === undefined ? undefined : `${i + 1}`))).toEqual(
      next.branches.map(({ spec }) => (spec.id === first ? first : undefined)),
    );
  });
});
