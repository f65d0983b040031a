import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration } from './duration';

describe('parseDuration', () => {
  test.each<[number | string, number]>([
    [0, 0],
    [1, 1],
    ['0.1s', 100],
    ['0ms', 0],
    ['500ms', 500],
    ['2s', 2_000],
    ['0.25s', 250],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    [' 10s ', 10_000],
    ['007s', 7_000],
  ])('%p is %i ms', (duration, ms) => {
    expect(parseDuration(duration)).toBe(ms);
  });

  const none = [
    -1,
    0.4,
    1_500.5,
    '1.5ms',
    Number.NaN,
    Infinity,
    -Infinity,
    '',
    's',
    '5',
    '5 s',
    '-5s',
    '+5s',
    '1e3s',
    '.5s',
  ];
  const units = ['5S', '5sec', '5d', '5.s', '5s5', 'toString', '5toString', '5s\n5s'];
  // A number too long for a double is not finite; it once came out as Infinity.
  const endless = `${'9'.repeat(400)}h`;
  test.each([...none, ...units, endless])('%p is none', (duration) => {
    expect(parseDuration(duration)).toBeUndefined();
  });

  test('reads what the type allows: any whole number with a unit', () => {
    const unit = fc.constantFrom(['ms', 1], ['s', 1_000], ['m', 60_000], ['h', 3_600_000] as const);
    fc.assert(
      fc.property(fc.nat(), unit, (count, [name, ms]) => {
        return parseDuration(`${count}${name}`) === count * Number(ms);
      }),
    );
  });
});
