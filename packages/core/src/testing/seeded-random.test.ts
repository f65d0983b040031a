import { describe, expect, test } from '@jest/globals';
import { SeededRandom } from './seeded-random';

describe('SeededRandom', () => {
  test('gives the same numbers for the same seed, others for another', () => {
    const draw = (seed?: number) => {
      const random = new SeededRandom(seed);
      return [...Array.from({ length: 5 }, () => random.unit()), ...random.bytes(8)];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw()).toEqual(draw(1));
  });

  test('draws from [0, 1), evenly enough for jitter', () => {
    const random = new SeededRandom();
    const units = Array.from({ length: 10_000 }, () => random.unit());
    expect(units.every((unit) => unit >= 0 && unit < 1)).toBe(true);
    const mean = units.reduce((a, b) => a + b) / units.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  });

  test('gives as many bytes as asked for, and in time all of them', () => {
    const random = new SeededRandom();
    expect(random.bytes(0)).toHaveLength(0);
    expect(random.bytes(16)).toHaveLength(16);
    expect(new Set(random.bytes(10_000)).size).toBe(256);
  });
});
