import { describe, expect, test } from '@jest/globals';
import { CLOCK_SKEW_MS_DEFAULT, limits } from './limits';
import { defaultRetryPolicy } from './retry-policy';

describe('limits', () => {
  test.each(Object.entries(limits))('%s is a whole number above 0', (_name, value) => {
    expect(Number.isSafeInteger(value) && value > 0).toBe(true);
  });

  test('are part of the contract: a smaller one refuses what an older coordinator took', () => {
    const bytes = { payloadBytesMax: 2 ** 20 };
    const times = { timeoutMsMax: 86_400_000, durationMsMax: 86_400_000, waitMsMax: 60_000 };
    const counts = { branchesMax: 256, labelsMax: 16 };
    const names = { nameLengthMax: 64, targetLengthMax: 512, methodLengthMax: 512 };
    const labels = { labelKeyLengthMax: 64, labelValueLengthMax: 256 };
    expect(limits).toMatchObject({ ...bytes, ...times, ...counts, ...names, ...labels });
    const nested = { nestingMax: 8, resultBytesMax: 65_536 };
    const operated = { operatorLengthMax: 128, stuckAttemptsMax: 1_000 };
    expect(limits).toMatchObject({ ...nested, ...operated });
  });

  test('the defaults are the ones that the design promises, and keep the limits', () => {
    expect(limits.timeoutMsDefault).toBe(60_000);
    expect(defaultRetryPolicy.maxDelayMs).toBe(60_000);
    expect(limits.timeoutMsDefault).toBeLessThanOrEqual(limits.timeoutMsMax);
    expect(defaultRetryPolicy.maxDelayMs).toBeLessThanOrEqual(limits.durationMsMax);
    expect(CLOCK_SKEW_MS_DEFAULT).toBe(5_000);
  });

  test('every duration fits a 32-bit timer (setTimeout fires at once above 2^31 − 1 ms)', () => {
    for (const value of [limits.durationMsMax, limits.timeoutMsMax, limits.waitMsMax]) {
      expect(value + CLOCK_SKEW_MS_DEFAULT).toBeLessThan(2 ** 31);
    }
  });
});
