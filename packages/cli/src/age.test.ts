import { expect, test } from '@jest/globals';
import { formatAge, formatNext, formatSpan, formatTime } from './age';

test.each([
  [-5, '0s'],
  [999, '0s'],
  [42_900, '42s'],
  [60_000, '1m'],
  [599_999, '9m'],
  [3_600_000, '1h'],
  [47 * 3_600_000, '47h'],
  [48 * 3_600_000, '2d'],
])('an age of %d ms is %s', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

test.each([
  [0, '0ms'],
  [35, '35ms'],
  [999.4, '999ms'],
  [1_000, '1s'],
  [999.6, '1s'],
  [1_290, '1.3s'],
  // The deadline of a timeout of ten seconds, registered some milliseconds after the opening.
  [9_982, '10s'],
  [59_949, '59.9s'],
  [59_999, '1m'],
  [119_600, '2m'],
  [125_000, '2m 5s'],
  [120_000, '2m'],
  [3_599_400, '59m 59s'],
  [3_599_600, '1h'],
  [11_040_000, '3h 4m'],
  [11_069_000, '3h 4m'],
  [11_070_000, '3h 5m'],
])('a span of %d ms is %s', (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

test.each([
  [undefined, '-'],
  [1_000, 'now'],
  [999, 'now'],
  [1_001, '1s'],
  [43_000, '42s'],
])('an attempt planned for %p, seen at 1000, comes in %s', (nextAt, text) => {
  expect(formatNext(nextAt, 1_000)).toBe(text);
});

test('a time is ISO 8601 in UTC, and one that no calendar knows stays a number', () => {
  expect(formatTime(Date.UTC(2026, 0, 14, 10, 5, 32, 123))).toBe('2026-01-14T10:05:32.123Z');
  expect(formatTime(9e15)).toBe('9000000000000000');
});
