import { expect, it } from '@jest/globals';
import { statusName } from './status-text';

it('names every status, and shows the number of one that nobody knows', () => {
  expect([0, 12, 14, 42].map((code) => statusName(code))).toEqual([
    'OK',
    'UNIMPLEMENTED',
    'UNAVAILABLE',
    'CODE(42)',
  ]);
});
