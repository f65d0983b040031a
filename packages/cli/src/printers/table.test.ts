import { describe, expect, test } from '@jest/globals';
import picocolors from 'picocolors';
import { type Column, table } from './table';

interface Row {
  readonly id: string;
  readonly count: number;
  readonly text: string;
}

const columns: readonly Column<Row>[] = [
  { header: 'ID', value: (row) => row.id },
  { header: 'COUNT', value: (row) => String(row.count), align: 'right' },
  { header: 'TEXT', value: (row) => row.text },
];

const rows: readonly Row[] = [
  { id: 'a', count: 7, text: 'short' },
  { id: 'longer', count: 12_345, text: 'a text that is rather long for a terminal' },
  { id: 'c', count: 0, text: '' },
];

describe('a table', () => {
  test('is aligned with blanks, numbers to the right, a dash for nothing, no blank at line ends', () => {
    expect(table(columns, rows)).toBe(
      [
        'ID      COUNT  TEXT',
        'a           7  short',
        'longer  12345  a text that is rather long for a terminal',
        'c           0  -',
      ].join('\n'),
    );
  });

  test('without rows is no text', () => {
    expect(table(columns, [])).toBe('');
  });

  test('shortens its last column, and only that, to the width of the terminal', () => {
    expect(table(columns, rows, { width: 46 })).toBe(
      [
        'ID      COUNT  TEXT',
        'a           7  short',
        'longer  12345  a text that is rather long for…',
        'c           0  -',
      ].join('\n'),
    );
  });

  test.each([10, 44])('leaves a terminal of %d columns to wrap the whole line', (width) => {
    expect(table(columns, rows, { width })).toBe(table(columns, rows));
  });

  test('shortens from 30 columns for the last one on', () => {
    const [, , line = ''] = table(columns, rows, { width: 45 }).split('\n');
    expect(line).toBe('longer  12345  a text that is rather long fo…');
  });

  test('shortens nothing that fits exactly', () => {
    expect(table(columns, rows, { width: 56 })).toBe(table(columns, rows));
  });

  test('counts what is twice as wide twice', () => {
    const wide = [
      { id: '在庫', count: 1, text: 'x' },
      { id: 'abcd', count: 1, text: 'x' },
    ];
    expect(table(columns, wide).split('\n').slice(1)).toEqual(['在庫      1  x', 'abcd      1  x']);
  });

  test('keeps a cell on one line and harmless', () => {
    const text = 'first\nsecond \u001b[2J';
    expect(table(columns, [{ id: 'a', count: 1, text }]).split('\n')[1]).toBe(
      'a       1  first second \\u001b[2J',
    );
  });

  test('is aligned in colour too', () => {
    const colors = picocolors.createColors(true);
    const painted = columns.map((column) => ({
      ...column,
      paint: (text: string) => colors.red(text),
    }));
    const stripped = table(painted, rows, { colors }).replace(/\u001b\[\d+m/g, '');
    expect(stripped.replace(/ +$/gm, '')).toBe(table(columns, rows));
  });
});
