import { describe, expect, it } from '@jest/globals';
import { ArrayWriter, type ColumnType } from './binary-arrays';

/** What a server reads in an array: its head, and its elements as bytes, null where there is none. */
function read(array: Buffer) {
  const head = [0, 4, 8, 12, 16].map((at) => array.readInt32BE(at));
  const elements: (Buffer | null)[] = [];
  let at = 20;
  while (at < array.length) {
    const length = array.readInt32BE(at);
    elements.push(length < 0 ? null : array.subarray(at + 4, at + 4 + length));
    at += 4 + Math.max(length, 0);
  }
  return { head, elements };
}

const itself = (value: unknown): unknown => value;

function written(type: ColumnType, values: readonly unknown[], size = 4_096) {
  return read(new ArrayWriter(size).array(values, { type, of: itself }));
}

describe('an array in binary form', () => {
  it.each([
    ['text', 25, 'x'],
    ['int4', 23, 1],
    ['int8', 20, 1],
    ['bytea', 17, Uint8Array.of(1)],
  ] as const)('says of %s what it holds', (type, oid, value) => {
    const { head, elements } = written(type, [value, value, value]);
    // One dimension, with nulls, the type, three elements from 1 on.
    expect(head).toEqual([1, 1, oid, 3, 1]);
    expect(elements).toHaveLength(3);
  });

  it.each(['text', 'int4', 'int8'] as const)('keeps null among %s', (type) => {
    expect(written(type, [null, null]).elements).toEqual([null, null]);
  });

  it.each([
    '',
    'gid',
    'ünïcode 🛒',
    'é'.repeat(64),
    'a'.repeat(64),
    'a'.repeat(65),
    '🛒'.repeat(5_000),
    'a'.repeat(63) + '🛒',
  ])('keeps the text %j', (text) => {
    const { elements } = written('text', ['before', text, 'behind']);
    expect(elements.map(String)).toEqual(['before', text, 'behind']);
  });

  it('keeps whole numbers up to the limits of their columns', () => {
    const small = [0, 1, -1, 0x7fff_ffff, -0x7fff_ffff];
    expect(written('int4', small).elements.map((bytes) => bytes?.readInt32BE())).toEqual(small);
    const large = [
      0,
      1,
      -1,
      2 ** 32,
      -(2 ** 32),
      2 ** 32 - 1,
      -(2 ** 32) - 1,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ];
    const read64 = written('int8', large).elements.map((bytes) => Number(bytes?.readBigInt64BE()));
    expect(read64).toEqual(large);
  });

  it('keeps bytes, of a view of larger memory only what the view shows', () => {
    const memory = Uint8Array.of(9, 1, 2, 3, 9);
    const { elements } = written('bytea', [memory.subarray(1, 4), new Uint8Array(0)]);
    expect(elements.map((bytes) => [...(bytes ?? [])])).toEqual([[1, 2, 3], []]);
  });

  it('stays what it is when the memory for those behind it is made larger', () => {
    const writer = new ArrayWriter(64);
    const column = { type: 'text', of: itself } as const;
    const texts = Array.from({ length: 40 }, (_, i) => [`${i}`, 'x'.repeat(50 * i), null]);
    const arrays = texts.map((values) => writer.array(values, column));
    for (const [i, array] of arrays.entries()) {
      const { elements } = read(array);
      expect(elements.map((bytes) => bytes && String(bytes))).toEqual(texts[i]);
    }
  });

  it.each([
    ['text', 7],
    ['text', undefined],
    ['int4', 0.5],
    ['int4', 2 ** 31],
    ['int4', '7'],
    ['int4', undefined],
    ['int8', Number.POSITIVE_INFINITY],
    ['int8', Number.NaN],
    ['int8', 2 ** 53],
    ['int8', 7n],
    ['bytea', 'text'],
    ['bytea', null],
  ] as const)('refuses what a column of %s cannot hold: %p (A1)', (type, value) => {
    expect(() => written(type, [value])).toThrow(
      expect.objectContaining({ name: 'StoreFailure', kind: 'data' }),
    );
  });
});
