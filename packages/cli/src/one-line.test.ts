import { expect, test } from '@jest/globals';
import { oneLine } from './one-line';

test('blanks and line ends become single blanks', () => {
  expect(oneLine('  two\r\n\tlines  here ')).toBe('two lines here');
});

test('what a terminal would obey is shown instead', () => {
  expect(oneLine('\u001b[2Jgone\u0007')).toBe('\\u001b[2Jgone\\u0007');
  expect(oneLine('a\u202eb\u009bc')).toBe('a\\u202eb\\u009bc');
});

test('letters of any script and emoji stay', () => {
  expect(oneLine('Lager überfüllt 在庫 👩‍🔧')).toBe('Lager überfüllt 在庫 👩‍🔧');
});
