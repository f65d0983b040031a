import { expect, test } from '@jest/globals';
import { colorsFor } from './colors';

const write = (): void => undefined;
const terminal = { write, isTTY: true, columns: 80 };
const pipe = { write, isTTY: false, columns: undefined };

test.each([
  ['a terminal', terminal, {}, true, true],
  ['a pipe', pipe, {}, true, false],
  ['a terminal with --no-color', terminal, {}, false, false],
  ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, true, false],
  ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true, true],
  ['a dumb terminal', terminal, { TERM: 'dumb' }, true, false],
  ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, true, true],
  ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, true, false],
  ['a pipe with both', pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
  ['a pipe with FORCE_COLOR and --no-color', pipe, { FORCE_COLOR: '1' }, false, false],
])('%s', (_case, output, env, allowed, colored) => {
  expect(colorsFor(output, env, allowed).isColorSupported).toBe(colored);
});
