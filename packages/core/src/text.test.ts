import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from './limits';
import { plainText } from './text';

describe('plainText', () => {
  test.each<[string, unknown, string]>([
    ['a text', 'sold out', 'sold out'],
    ['nothing', undefined, 'undefined'],
    ['a number', 7, '7'],
    ['an object', { a: 1 }, '[object Object]'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), '\uFFFD'],
    [
      'an object whose text throws',
      {
        toString: () => {
          throw new Error('no text');
        },
      },
      '\uFFFD',
    ],
    ['a whole pair', 'so 😀', 'so 😀'],
    ['a first half', 'a\uD83Db', 'a\uFFFDb'],
    ['a second half', 'a\uDE00b', 'a\uFFFDb'],
    ['halves in the wrong order', '\uDE00\uD83D', '\uFFFD\uFFFD'],
  ])('takes %s', (_what, value, expected) => {
    expect(plainText(value, 2_048)).toBe(expected);
  });

  test('cuts between characters, never through a pair', () => {
    const text = `${'x'.repeat(limits.textLengthMax - 1)}😀 tail`;
    expect(plainText(text, 10_000)).toBe('x'.repeat(limits.textLengthMax - 1));
    expect(plainText(`ab😀`, 13)).toBe('ab');
    expect(plainText(`ab😀`, 14)).toBe('ab😀');
  });

  test('counts what a character takes on the wire', () => {
    expect(plainText('価'.repeat(500), 2_048)).toBe('価'.repeat(227));
    expect(plainText('   ', 8)).toBe('  ');
    expect(plainText('x'.repeat(5), 0)).toBe('');
  });

  test('of anything can be percent-encoded, within both limits', () => {
    const units = fc.array(fc.nat(0xffff), { maxLength: 1_500 });
    fc.assert(
      fc.property(units, fc.nat(4_096), (codes, bytesMax) => {
        const text = plainText(String.fromCharCode(...codes), bytesMax);
        expect(encodeURI(text).length).toBeLessThanOrEqual(bytesMax);
        expect(text.length).toBeLessThanOrEqual(limits.textLengthMax);
      }),
    );
  });
});
