/**
 * Tables of text: columns aligned with blanks, no borders, no tabs, so that `cut`, `awk` and people can read them.
 * In a terminal the last column, and only that, is shortened to what is left of the line; elsewhere, and where too
 * little is left, nothing is.
 */
import Table from 'cli-table3';
import { type Colors, plain } from '../colors';
import { oneLine } from '../one-line';

/** A column of rows of one kind. */
export interface Column<Row> {
  readonly header: string;
  /** The cell's text; an empty one is shown as `-`. */
  readonly value: (row: Row) => string;
  /** Default: left. Numbers go right. */
  readonly align?: 'left' | 'right';
  /** Colours the finished text of the cell. Default: none. */
  readonly paint?: (text: string, row: Row, colors: Colors) => string;
}

/** How to print a table. */
export interface TableOptions {
  /** Width of the terminal. Default: nothing is shortened. */
  readonly width?: number | undefined;
  /** Default: no colour. */
  readonly colors?: Colors;
}

/** Less would cut what one needs out of a line that the terminal must wrap anyway: then nothing is shortened. */
const LAST_COLUMN_MIN = 30;

/** Renders header and rows; no rows, no text. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions = {},
): string {
  if (rows.length === 0) return '';
  const { width, colors = plain } = options;
  const cells = rows.map((row) => columns.map((column) => oneLine(column.value(row)) || '-'));
  const widthLast = width === undefined ? undefined : widthOfLast(columns, cells, width);
  const painted = rows.map((row, index) =>
    columns.map(({ paint }, at) => {
      const text = cells[index]?.[at] ?? '';
      return paint === undefined ? text : paint(text, row, colors);
    }),
  );
  const headers = columns.map(({ header }) => colors.bold(header));
  return render(columns, [headers, ...painted], widthLast);
}

/** What the other columns leave of the line: where the last header begins is where the last column does. */
function widthOfLast<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  width: number,
): number | undefined {
  const headers = columns.map(({ header }) => header);
  const [headerLine = ''] = render(columns, [headers, ...cells], undefined).split('\n');
  const left = width - headerLine.lastIndexOf(headers.at(-1) ?? '');
  return left < LAST_COLUMN_MIN ? undefined : left;
}

function render<Row>(
  columns: readonly Column<Row>[],
  lines: readonly (readonly string[])[],
  widthLast: number | undefined,
): string {
  const layout = new Table({
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: columns.map((_, at) => (at === columns.length - 1 ? (widthLast ?? null) : null)),
  });
  layout.push(...lines.map((line) => [...line]));
  return layout
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};
