import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from './limits';
import { defaultRetryPolicy, nextDelayMs, slowDelayMs } from './retry-policy';
import { SeededRandom } from './testing';

const at = (unit: number) => ({ unit: () => unit, bytes: () => new Uint8Array() });
/** The largest number below 1. */
const ALMOST_ONE = 1 - 2 ** -53;

const policies = fc.record({
  firstDelayMs: fc.integer({ min: 1, max: limits.durationMsMax }),
  maxDelayMs: fc.integer({ min: 1, max: limits.durationMsMax }),
});
const units = fc.oneof(
  fc.constantFrom(0, ALMOST_ONE),
  fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }),
);

describe('nextDelayMs', () => {
  test.each([
    [1, 200],
    [2, 400],
    [3, 800],
    [8, 25_600],
    [9, 51_200],
    [10, 60_000],
    [1_000_000, 60_000],
  ])(
    'after attempt %i the default delay is below %i ms, doubling up to the cap',
    (attempt, bound) => {
      expect(nextDelayMs(defaultRetryPolicy, attempt, at(ALMOST_ONE))).toBe(bound - 1);
      expect(nextDelayMs(defaultRetryPolicy, attempt, at(0))).toBe(0);
      expect(nextDelayMs(defaultRetryPolicy, attempt, at(0.5))).toBe(bound / 2);
    },
  );

  test('takes an attempt below 1 for the first', () => {
    expect(nextDelayMs(defaultRetryPolicy, 0, at(ALMOST_ONE))).toBe(199);
    expect(nextDelayMs(defaultRetryPolicy, -5, at(ALMOST_ONE))).toBe(199);
  });

  test('is a whole number of [0, bound) for every policy, attempt and draw', () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 10_000 }), units, (policy, attempt, unit) => {
        const delay = nextDelayMs(policy, attempt, at(unit));
        const bound = Math.min(
          policy.maxDelayMs,
          policy.firstDelayMs * 2 ** Math.min(attempt - 1, 60),
        );
        return Number.isSafeInteger(delay) && delay >= 0 && delay < bound;
      }),
    );
  });

  test('spreads over the whole of its range (full jitter), not over a part', () => {
    const random = new SeededRandom(7);
    const quarters = [0, 0, 0, 0];
    for (let i = 0; i < 4_000; i++) {
      const quarter = Math.floor(nextDelayMs(defaultRetryPolicy, 20, random) / 15_000);
      quarters[quarter] = (quarters[quarter] ?? 0) + 1;
    }
    expect(quarters.reduce((a, b) => a + b)).toBe(4_000);
    expect(Math.min(...quarters)).toBeGreaterThan(850);
  });
});

describe('slowDelayMs', () => {
  test('lies between half of the cap and the cap', () => {
    expect(slowDelayMs(defaultRetryPolicy, at(0))).toBe(30_000);
    expect(slowDelayMs(defaultRetryPolicy, at(0.5))).toBe(45_000);
    expect(slowDelayMs(defaultRetryPolicy, at(ALMOST_ONE))).toBe(60_000);
  });

  test('does so for every policy and draw', () => {
    fc.assert(
      fc.property(policies, units, (policy, unit) => {
        const delay = slowDelayMs(policy, at(unit));
        const { maxDelayMs } = policy;
        return (
          Number.isSafeInteger(delay) && delay >= Math.floor(maxDelayMs / 2) && delay <= maxDelayMs
        );
      }),
    );
  });
});
