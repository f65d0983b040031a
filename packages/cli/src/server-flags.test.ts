import { expect, test } from '@jest/globals';
import { parseServerFlags } from './server-flags';
import { UsageError } from './usage-error';

const known = [
  { flag: 'store', valueName: 'kind' },
  { flag: 'data-dir', valueName: 'folder' },
  { flag: 'insecure', valueName: '' },
];

test.each([
  ['', {}],
  ['--store memory', { store: 'memory' }],
  ['--store=memory', { store: 'memory' }],
  ['--data-dir=a=b', { 'data-dir': 'a=b' }],
  ['--store memory --store sqlite', { store: 'sqlite' }],
  ['--insecure --store memory', { insecure: 'true', store: 'memory' }],
  ['--insecure=false', { insecure: 'false' }],
  ['--data-dir -odd', { 'data-dir': '-odd' }],
  // A value that is missing must not become a folder called "true".
  ['--data-dir', { 'data-dir': '' }],
  ['--data-dir --insecure', { 'data-dir': '', insecure: 'true' }],
  ['--typo value --insecure', { typo: 'value', insecure: 'true' }],
])('%p', (line, flags) => {
  expect(parseServerFlags(line.split(' ').filter(Boolean), known)).toEqual(flags);
});

test.each(['memory', '--insecure memory', '-x'])('%p holds a word that is no option', (line) => {
  expect(() => parseServerFlags(line.split(' '), known)).toThrow(UsageError);
});
