/** The report as people read it: two tables that a page of documentation takes as they are. */
import { rounded } from '../statistics';
import { type Figure, isMet, targetText } from './figure';
import type { MeasuredRow } from './rows';

const ABSENT = '–';

/** The table of configurations, one line each. */
export function measuredTable(rows: readonly MeasuredRow[]): string {
  const head = [
    ...['variant', 'store', 'concurrent', 'branches', 'until', 'per second', '× bare'],
    ...['p50 ms', 'p99 ms', 'CPU µs: load', 'coordinator', 'participants', 'ops per commit'],
  ];
  const texts = new Set([0, 1, 4]);
  return table(head, rows.map(cellsOf), texts);
}

function cellsOf(row: MeasuredRow): readonly string[] {
  const { cpuUsPerTx, ratioToBare, opsPerCommit } = row;
  const isBare = row.store === null;
  return [
    row.variant,
    row.store ?? ABSENT,
    String(row.concurrency),
    String(row.branches),
    row.until ?? ABSENT,
    rounded(row.tps, 0).toLocaleString('en-US'),
    ratioToBare === null ? ABSENT : ratioToBare.toFixed(2),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    cpuUsPerTx.load.toFixed(0),
    isBare ? ABSENT : cpuUsPerTx.coordinator.toFixed(0),
    cpuUsPerTx.participants.toFixed(0),
    opsPerCommit === null ? ABSENT : opsPerCommit.toFixed(1),
  ];
}

/** The table of figures, one line each, with what they should be. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const met = isMet(figure);
    const verdict = met === undefined ? '' : met ? 'pass' : 'miss';
    const value = `${rounded(figure.value, 2).toLocaleString('en-US')} ${figure.unit}`;
    return [figure.check, value, targetText(figure), verdict];
  });
  return table(['figure', 'measured', 'target', ''], rows, new Set([0, 3]));
}

/** `texts`: the columns that are aligned to the left; numbers stand to the right. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts: ReadonlySet<number>,
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) =>
      texts.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) =>
    texts.has(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
