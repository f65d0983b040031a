import { describe, expect, test } from '@jest/globals';
import { captured } from './captured';
import { differences, shown } from './difference';

const nobody = new Map<string, string>();

describe('a captured snapshot', () => {
  test('is a copy: what changes afterwards is not in it (S1)', () => {
    const books = { tea: { free: 1 }, list: [1] };
    const before = captured(books, nobody);
    books.tea.free = 2;
    books.list.push(2);
    expect(before).toEqual({ tea: { free: 1 }, list: [1] });
  });

  test('has names in the place of what was drawn, in values and in keys (S2)', () => {
    const names = new Map([['abc123', '<run A>']]);
    expect(captured({ 'r-abc123': ['abc123', 'x'] }, names)).toEqual({
      'r-<run A>': ['<run A>', 'x'],
    });
  });

  test('keeps what databases give', () => {
    class Row {
      constructor(readonly amount: bigint) {}
    }
    const plain = Object.assign(Object.create(null) as object, { n: 1 });
    const given = {
      row: new Row(5n),
      plain,
      map: new Map<unknown, number>([
        ['b', 2],
        [1, 1],
      ]),
      set: new Set(['z', 'a']),
      date: new Date(0),
      bad: new Date(Number.NaN),
      bytes: Buffer.from([1, 255]),
      nothing: null,
    };
    expect(captured(given, nobody)).toEqual({
      row: { amount: 5n },
      plain: { n: 1 },
      map: { b: 2, '1': 1 },
      set: ['a', 'z'],
      date: '1970-01-01T00:00:00.000Z',
      bad: 'invalid date',
      bytes: '0x01ff',
      nothing: null,
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['a function', () => ({ a: [() => 1] }), /snapshot\.a\[0\] is a function/],
    ['a symbol', () => Symbol('x'), /snapshot is a symbol/],
    ['a promise', () => [Promise.resolve()], /snapshot\[0\] is a promise; await it/],
    [
      'a circle',
      () => {
        const a: Record<string, unknown> = {};
        a['self'] = a;
        return a;
      },
      /snapshot\.self is a reference to itself/,
    ],
  ])('refuses %s, naming the place', (_name, make, text) => {
    expect(() => captured(make(), nobody)).toThrow(text);
  });
});

describe('the difference of two states', () => {
  test('names each place, in order of the names', () => {
    const expected = { tea: { free: 1, held: 2 }, rows: [{ id: 1 }, { id: 2 }], gone: 'x' };
    const found = { tea: { free: 1, held: 3 }, rows: [{ id: 1 }], more: 1n };
    expect(differences(expected, found)).toEqual([
      "gone: expected 'x', found nothing",
      'more: expected nothing, found 1n',
      'rows[1]: expected { id: 2 }, found nothing',
      'tea.held: expected 2, found 3',
    ]);
  });

  test('is none where they are the same', () => {
    const state = { a: [1, undefined, Number.NaN, null], b: undefined };
    expect(differences(state, { a: [1, undefined, Number.NaN, null] })).toEqual([]);
    expect(differences([], [])).toEqual([]);
  });

  test.each<[Parameters<typeof differences>[0], Parameters<typeof differences>[0]]>([
    [1, '1'],
    [1, 1n],
    [[], {}],
    [null, {}],
    [0, null],
  ])('tells %p from %p', (expected, found) => {
    expect(differences(expected, found)).toHaveLength(1);
  });

  test('of many places tells twenty', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, i]));
    const lines = differences(many, {});
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('… and 10 more');
  });

  test('shows a value on one line, cut where it is long', () => {
    expect(shown({ b: 1, a: [2] })).toBe('{ b: 1, a: [ 2 ] }');
    expect(shown({ b: 1, a: 2 }, { sorted: true })).toBe('{ a: 2, b: 1 }');
    expect(shown('x'.repeat(500))).toHaveLength(160);
  });
});
