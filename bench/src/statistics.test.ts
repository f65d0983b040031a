import { describe, expect, it } from '@jest/globals';
import { median, quantile, rounded } from './statistics';

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    // As texts, 10 would come before 9.
    [[10, 9, 100], 10],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('leaves the values as they are', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('quantile', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);

  it.each([
    [0, 1],
    [0.5, 51],
    [0.99, 100],
    [1, 100],
  ])('%d of 1 to 100 is %d', (q, expected) => {
    expect(quantile(hundred, q)).toBe(expected);
  });

  it('of one value is that value', () => {
    expect(quantile([7], 0.99)).toBe(7);
  });

  it('of nothing is no number', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});

it('rounds to as many decimals as asked for', () => {
  expect([rounded(1.2345, 0), rounded(1.2345, 1), rounded(1.2355, 3)]).toEqual([1, 1.2, 1.236]);
});
