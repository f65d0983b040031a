import { expect, test } from '@jest/globals';
import { shellWord } from './shell-word';

test.each([
  ['ord-8842', 'ord-8842'],
  ['shop:eu/7.1@x', 'shop:eu/7.1@x'],
  ['$(reboot)', "'$(reboot)'"],
  ["it's", "'it'\\''s'"],
  ['a;b', "'a;b'"],
  ['', "''"],
])('%p is typed as %s', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
