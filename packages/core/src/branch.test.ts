import { describe, expect, test } from '@jest/globals';
import {
  type BranchSpec,
  CALL_DEADLINE_MS_DEFAULT,
  STUCK_AFTER_MS_DEFAULT,
  STUCK_ATTEMPTS_DEFAULT,
  noAttempts,
  payloadOf,
  sameContent,
  serviceOf,
} from './branch';
import type { BranchId } from './ids';
import { limits } from './limits';
import { aBranchSpec } from './testing';

const bytes = (...values: number[]) => Uint8Array.from(values);
const methods = aBranchSpec().methods;

describe('payloadOf', () => {
  test('gives Confirm and Cancel their own bytes where they have some, else those of the Try', () => {
    const own = aBranchSpec({ confirmPayload: bytes(7), cancelPayload: bytes(8) });
    expect(payloadOf(own, 'confirm')).toEqual(bytes(7));
    expect(payloadOf(own, 'cancel')).toEqual(bytes(8));
    expect(payloadOf(aBranchSpec(), 'confirm')).toEqual(bytes(1, 2, 3));
    expect(payloadOf(aBranchSpec(), 'cancel')).toEqual(bytes(1, 2, 3));
  });

  test('takes empty bytes for bytes: an empty message is a request of its own', () => {
    const spec = aBranchSpec({ confirmPayload: bytes(), cancelPayload: bytes() });
    expect(payloadOf(spec, 'confirm')).toHaveLength(0);
    expect(payloadOf(spec, 'cancel')).toHaveLength(0);
  });
});

describe('sameContent (I9: what makes a registration the same request)', () => {
  const same: [string, Partial<BranchSpec>][] = [
    ['the very same', {}],
    ['equal bytes in another array', { payload: bytes(1, 2, 3) }],
    ['a Confirm payload that spells out the Try payload', { confirmPayload: bytes(1, 2, 3) }],
    ['a Cancel payload that spells out the Try payload', { cancelPayload: bytes(1, 2, 3) }],
    ['another deadline', { deadlines: { forwardMs: 1, confirmMs: 1, cancelMs: 1 } }],
    ['another retry policy', { retry: { firstDelayMs: 1, maxDelayMs: 1 } }],
    ['another stuck threshold', { stuckAfterMs: 1 }],
    ['another name of the action', { action: 'hold' }],
    ['another number of attempts', { stuckAttempts: 1 }],
    ['a wish to park permanent errors', { parkPermanentErrors: true }],
    ['a barrier', { barrier: true }],
  ];
  test.each(same)('%s is the same', (_what, over) => {
    expect(sameContent(aBranchSpec(), aBranchSpec(over))).toBe(true);
    expect(sameContent(aBranchSpec(over), aBranchSpec())).toBe(true);
  });

  const other: [string, Partial<BranchSpec>][] = [
    ['another target', { target: '127.0.0.1:50052' }],
    ['another mode', { mode: 'saga' }],
    ['another driver', { driver: 'coordinator' }],
    ['another dialect', { dialect: 'dtm' }],
    ['another Try method', { methods: { ...methods, forward: '/a.B/C' } }],
    ['another Confirm method', { methods: { ...methods, confirm: '/a.B/C' } }],
    ['another Cancel method', { methods: { ...methods, cancel: '/a.B/C' } }],
    ['other bytes', { payload: bytes(1, 2, 4) }],
    ['fewer bytes', { payload: bytes(1, 2) }],
    ['more bytes', { payload: bytes(1, 2, 3, 4) }],
    ['other Confirm bytes', { confirmPayload: bytes(9) }],
    ['other Cancel bytes', { cancelPayload: bytes(9) }],
    ['empty Confirm bytes', { confirmPayload: bytes() }],
  ];
  test.each(other)('%s is other content', (_what, over) => {
    expect(sameContent(aBranchSpec(), aBranchSpec(over))).toBe(false);
    expect(sameContent(aBranchSpec(over), aBranchSpec())).toBe(false);
  });

  test('the id is not part of the content: it is what two registrations are compared under', () => {
    expect(sameContent(aBranchSpec(), aBranchSpec({ id: '2' as BranchId }))).toBe(true);
  });
});

describe('serviceOf', () => {
  test.each([
    ['/shop.StockTcc/ReserveTry', 'shop.StockTcc'],
    ['/Stock/Reserve', 'Stock'],
  ])('the service of %s is %s', (path, service) => {
    expect(serviceOf(path)).toBe(service);
  });
});

describe('defaults', () => {
  test('are within the limits that registrations are held to', () => {
    expect(CALL_DEADLINE_MS_DEFAULT).toBe(5_000);
    expect(limits.durationMsMax).toBeGreaterThanOrEqual(STUCK_AFTER_MS_DEFAULT);
    expect(STUCK_AFTER_MS_DEFAULT).toBe(5 * 60_000);
    expect(STUCK_ATTEMPTS_DEFAULT).toBe(5);
    expect(limits.stuckAttemptsMax).toBeGreaterThanOrEqual(STUCK_ATTEMPTS_DEFAULT);
  });

  test('a branch that nobody called has no attempts, no failure and no time', () => {
    const { count, streak, ...rest } = noAttempts;
    expect([count, streak]).toEqual([0, 0]);
    expect(Object.values(rest).filter((value) => value !== undefined)).toEqual([]);
  });
});
