import { expect, test } from '@jest/globals';
import { Story } from './story';

test('tells calls in their order, marks those at the same time, and keeps repeated refusals short', () => {
  const story = new Story();
  story.note('run A, branch 1 asks for tea');
  story.call('try     run A, branch 1', 'attempt 1').ended('OK');
  const first = story.call('confirm run A, branch 1', 'attempt 1');
  const second = story.call('confirm run A, branch 1', 'attempt 2');
  second.ended('OK');
  first.ended('OK');
  for (let i = 3; i <= 7; i += 1) {
    story.call('confirm run A, branch 1', `attempt ${i}`).ended('UNKNOWN: no');
  }
  story.call('cancel  run A, branch 1', 'attempt 1');
  expect(story.told).toEqual([
    '      (run A, branch 1 asks for tea)',
    '  1   try     run A, branch 1, attempt 1 → OK',
    '  2   confirm run A, branch 1, attempt 1 → OK',
    '  3 ‖ confirm run A, branch 1, attempt 2 → OK',
    '  4   confirm run A, branch 1, attempt 3 → UNKNOWN: no',
    '      … the same, until:',
    '  8   confirm run A, branch 1, attempt 7 → UNKNOWN: no',
    '  9   cancel  run A, branch 1, attempt 1 → no answer',
  ]);
  story.begin();
  expect(story.told).toEqual([]);
});
