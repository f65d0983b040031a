import { expect, test } from '@jest/globals';
import { stuckBranchesIn } from '../src/demo/show-stuck';

test.each([
  ['8 stuck branches in 8 transactions, the oldest 6 shown. Next: tercet tx get order-172\n', 8],
  ['1 stuck branch in 1 transaction. Next: tercet tx get order-172\n', 1],
  ['No stuck branches.\n', 0],
])('the check counts what the list says: %p', (notes, count) => {
  expect(stuckBranchesIn(notes)).toBe(count);
});
