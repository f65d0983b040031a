import { expect, test } from '@jest/globals';
import { nearest } from './nearest';

const words = ['grpc-address', 'http-address', 'store', 'data-dir'];

test.each([
  ['grpc-adress', 'grpc-address'],
  ['htpp-address', 'http-address'],
  ['datadir', 'data-dir'],
  ['stor', 'store'],
  ['port', undefined],
  ['', undefined],
])('%p means %p', (given, meant) => {
  expect(nearest(given, words)).toBe(meant);
});
