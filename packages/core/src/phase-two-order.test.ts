/** Phase two in an order (P3): who waits for whom, since when a branch is open, what a parked or resolved one does. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deepFreeze } from '../test/deep-freeze';
import { type Branch, type Verdict, noAttempts } from './branch';
import type { GlobalTransaction, PhaseTwoOrder } from './global-transaction';
import type { BranchId } from './ids';
import { dueAt, openSince, waitsFor } from './phase-two';
import { stuckReasonAt } from './stuck';
import { aBranch, aBranchSpec, aTransaction } from './testing';

const DECIDED_AT = 1_700_000_001_000;
const SKEW_MS = 5_000;
const orders = ['registration', 'reverse'] as const satisfies readonly PhaseTwoOrder[];
const statuses = ['confirming', 'cancelling'] as const;
const combinations = orders.flatMap((order) => statuses.map((status) => [order, status] as const));

type Status = (typeof statuses)[number];
/** What is known of one branch. */
type Part = Partial<Branch>;

/** A decided transaction whose branches are given in the order in which phase two calls them. */
function inTurn(order: PhaseTwoOrder, status: Status, parts: readonly Part[]): GlobalTransaction {
  const numbered = order === 'reverse' ? [...parts].reverse() : parts;
  const branches = numbered.map((part, i) =>
    aBranch({ spec: aBranchSpec({ id: `${i + 1}` as BranchId }), tryTold: true, ...part }),
  );
  const policy = { onTimeout: 'cancel', phaseTwoOrder: order } as const;
  return deepFreeze(aTransaction({ status, decidedAt: DECIDED_AT, branches, policy }));
}

/** What `ask` says of each branch, in the order in which phase two calls them. */
function ofEach<T>(tx: GlobalTransaction, ask: (branch: Branch) => T): T[] {
  const answers = tx.branches.map(ask);
  return tx.policy.phaseTwoOrder === 'reverse' ? answers.reverse() : answers;
}

function dues(tx: GlobalTransaction): (number | undefined)[] {
  return ofEach(tx, (branch) => dueAt(tx, branch, SKEW_MS));
}

/** Places, in the order of the calls, of those that each branch waits for. */
function waits(tx: GlobalTransaction): (number | undefined)[] {
  const ids = ofEach(tx, ({ spec }) => spec.id);
  return ofEach(tx, (branch) => {
    const before = waitsFor(tx, branch);
    return before === undefined ? undefined : ids.indexOf(before.spec.id);
  });
}

function ended(status: Status, at: number): Part {
  const end = status === 'confirming' ? 'confirmed' : 'cancelled';
  return { status: end, attempts: { ...noAttempts, count: 1, firstAt: at, lastAt: at } };
}

function resolved(status: Status, at: number): Part {
  const asserted = status === 'confirming' ? 'confirmed' : 'cancelled';
  const verdict: Verdict = { asserted, by: 'ann', at, reason: 'booked by hand' };
  const attempts = { ...noAttempts, count: 3, firstAt: DECIDED_AT, lastAt: DECIDED_AT + 1 };
  return { status: asserted, verdict, attempts };
}

describe.each(combinations)('order %s while %s', (order, status) => {
  const tx = (...parts: Part[]) => inTurn(order, status, parts);

  test('only the first branch is due; each of the others waits for the one before it', () => {
    const three = tx({}, {}, {});
    expect(dues(three)).toEqual([DECIDED_AT, undefined, undefined]);
    expect(waits(three)).toEqual([undefined, 0, 1]);
  });

  test('the next one is due since the OK of the one before', () => {
    const three = tx(ended(status, DECIDED_AT + 40), {}, {});
    expect(dues(three)).toEqual([undefined, DECIDED_AT + 40, undefined]);
    expect(waits(three)).toEqual([undefined, undefined, 1]);
  });

  test('a failing one is not passed', () => {
    const attempts = { ...noAttempts, count: 9, streak: 9, nextAt: DECIDED_AT + 900 };
    expect(dues(tx(ended(status, DECIDED_AT), { attempts }, {}))).toEqual([
      undefined,
      DECIDED_AT + 900,
      undefined,
    ]);
  });

  test('a parked one blocks its successors, and they name whom they wait for', () => {
    const blocked = tx(ended(status, DECIDED_AT), { parked: true }, {}, {});
    expect(dues(blocked)).toEqual([undefined, undefined, undefined, undefined]);
    expect(waits(blocked)).toEqual([undefined, undefined, 1, 2]);
    const reasons = ofEach(blocked, (branch) =>
      stuckReasonAt(branch, openSince(blocked, branch, SKEW_MS), DECIDED_AT + 1e9),
    );
    expect(reasons).toEqual([undefined, 'parked', undefined, undefined]);
  });

  test('a verdict frees the next one, from the moment it was given', () => {
    const freed = tx(resolved(status, DECIDED_AT + 3_600_000), {}, {});
    expect(dues(freed)).toEqual([undefined, DECIDED_AT + 3_600_000, undefined]);
  });

  test('a verdict out of turn frees nobody: those before it still go first', () => {
    const early = tx({ parked: true }, resolved(status, DECIDED_AT + 50), {}, {});
    expect(dues(early)).toEqual([undefined, undefined, undefined, undefined]);
    expect(waits(early)).toEqual([undefined, 0, 0, 2]);
    const between = tx({}, resolved(status, DECIDED_AT + 50), {});
    expect(dues(between)).toEqual([DECIDED_AT, undefined, undefined]);
  });

  test('all before it count: it is open since the last of them ended', () => {
    const late = tx(ended(status, DECIDED_AT + 80), resolved(status, DECIDED_AT + 50), {});
    expect(dues(late)[2]).toBe(DECIDED_AT + 80);
  });

  test('a clock that was moved back does not make it open before the decision', () => {
    expect(dues(tx(ended(status, DECIDED_AT - 60_000), {}))[1]).toBe(DECIDED_AT);
  });

  test('an ended branch without a time holds nobody up', () => {
    const timeless = { ...ended(status, 0), attempts: noAttempts };
    expect(dues(tx(timeless, {}))[1]).toBe(DECIDED_AT);
  });

  test('a plan that an operator made while it waited does not count before its turn', () => {
    const attempts = { ...noAttempts, nextAt: DECIDED_AT + 5 };
    expect(dues(tx({}, { attempts }))).toEqual([DECIDED_AT, undefined]);
    expect(dues(tx(ended(status, DECIDED_AT + 40), { attempts }))[1]).toBe(DECIDED_AT + 40);
  });

  test('an untold Try is outwaited, in its turn', () => {
    const notAfter = DECIDED_AT + 4_000;
    const untold = { tryTold: false, notAfter };
    const outwaited = status === 'cancelling' ? notAfter + SKEW_MS : DECIDED_AT;
    const soon = tx(ended(status, DECIDED_AT + 40), untold);
    expect(dues(tx(untold, untold))).toEqual([outwaited, undefined]);
    expect(dues(soon)[1]).toBe(Math.max(outwaited, DECIDED_AT + 40));
    const late = tx(ended(status, DECIDED_AT + 600_000), untold);
    expect(dues(late)[1]).toBe(DECIDED_AT + 600_000);
  });

  test('nobody waits, and nothing is due, once all have ended', () => {
    const over = tx(ended(status, DECIDED_AT), resolved(status, DECIDED_AT + 1));
    expect(dues(over)).toEqual([undefined, undefined]);
    expect(waits(over)).toEqual([undefined, undefined]);
  });

  test('however the others stand, at most one is due, and nobody before it is pending (P3)', () => {
    const at = fc.integer({ min: DECIDED_AT, max: DECIDED_AT + 1_000_000 });
    const part: fc.Arbitrary<Part> = fc.oneof(
      fc.constant({}),
      fc.constant({ parked: true }),
      fc.constant({ tryTold: false, notAfter: DECIDED_AT + 9_000 }),
      at.map((time) => ended(status, time)),
      at.map((time) => resolved(status, time)),
      at.map((nextAt): Part => ({ attempts: { ...noAttempts, count: 1, nextAt } })),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const now = dues(tx(...parts));
        const pending = parts.findIndex((one) => one.status === undefined);
        const turn = pending >= 0 && parts[pending]?.parked !== true ? [pending] : [];
        expect(now.flatMap((time, i) => (time === undefined ? [] : [i]))).toEqual(turn);
      }),
    );
  });
});

describe('order all', () => {
  test.each(statuses)('while %s every branch is due at once, whatever the others do', (status) => {
    const parts = [{ parked: true }, {}, resolved(status, DECIDED_AT + 5), {}];
    const tx = inTurn('all', status, parts);
    expect(dues(tx)).toEqual([undefined, DECIDED_AT, undefined, DECIDED_AT]);
    expect(waits(tx)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe.each(orders)('order %s while nothing is decided', (phaseTwoOrder) => {
  test('nothing is open and nothing is due', () => {
    const policy = { onTimeout: 'cancel', phaseTwoOrder } as const;
    const tx = aTransaction({ policy });
    expect(dues(tx)).toEqual([undefined]);
    expect(tx.branches.map((branch) => openSince(tx, branch, SKEW_MS))).toEqual([undefined]);
  });
});
