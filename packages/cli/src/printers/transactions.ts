import type { TransactionSummary } from '@tercet/sdk/operator';
import { formatSpan, formatTime } from '../age';
import { paintStatus } from './status';
import { type Column, type TableOptions, table } from './table';

/** The list of `tercet tx list`. DECIDED and FINISHED count from the opening. */
export function transactionTable(
  rows: readonly TransactionSummary[],
  options: TableOptions = {},
): string {
  return table(columns, rows, options);
}

const columns: readonly Column<TransactionSummary>[] = [
  { header: 'GID', value: (row) => row.gid },
  { header: 'NAME', value: (row) => row.name },
  {
    header: 'STATUS',
    value: (row) => (row.tombstone === true ? `${row.status} (tombstone)` : row.status),
    paint: (text, row, colors) => paintStatus(text, row.status, colors),
  },
  { header: 'BRANCHES', value: (row) => String(row.branches), align: 'right' },
  { header: 'OPENED', value: (row) => formatTime(row.openedAt) },
  { header: 'DECIDED', value: (row) => since(row, row.decidedAt), align: 'right' },
  { header: 'FINISHED', value: (row) => since(row, row.finishedAt), align: 'right' },
  { header: 'CAUSE', value: (row) => row.cause ?? '' },
];

function since(row: TransactionSummary, at: number | undefined): string {
  return at === undefined ? '' : `+${formatSpan(at - row.openedAt)}`;
}
