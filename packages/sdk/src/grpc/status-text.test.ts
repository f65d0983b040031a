import { expect, it } from '@jest/globals';
import { plainMessage, statusName } from './status-text';

it('names every status, and shows the number of one that nobody knows', () => {
  expect([0, 12, 14, 42].map((code) => statusName(code))).toEqual([
    'OK',
    'UNIMPLEMENTED',
    'UNAVAILABLE',
    'CODE(42)',
  ]);
});

it('cuts what grpc-js appends to a deadline, and nothing else', () => {
  expect(
    plainMessage('Deadline exceeded after 2s,metadata filters: 0.001s,Waiting for LB pick'),
  ).toBe('Deadline exceeded after 2s');
  expect(plainMessage('Deadline exceeded after 2s')).toBe('Deadline exceeded after 2s');
  expect(plainMessage('no tea, no cake')).toBe('no tea, no cake');
});
