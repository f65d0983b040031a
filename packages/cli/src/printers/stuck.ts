import type { StuckBranch, StuckPage } from '@tercet/sdk/operator';
import { formatAge, formatNext } from '../age';
import { shellWord } from '../shell-word';
import { counted } from './counted';
import { failureCode, failureText } from './failure';
import { type Column, type TableOptions, table } from './table';

/** The list of `tercet stuck`. Ages count from the decision, by the coordinator's clock. */
export function stuckTable(page: StuckPage, options: TableOptions = {}): string {
  return table(columnsAt(page.now), page.branches, options);
}

/** The closing line: how many there are, and what to type next. `filtered`: not all of them were asked for. */
export function stuckSummary(
  { branches, total, transactions }: StuckPage,
  filtered = false,
): string {
  const [first] = branches;
  if (first === undefined) {
    // Whoever misspelt a service must not read that nothing is stuck.
    return filtered ? 'No stuck branches match the filters.' : 'No stuck branches.';
  }
  const shown = branches.length < total ? `, the oldest ${branches.length} shown` : '';
  const found = `${counted(total, 'stuck branch', 'stuck branches')} in ${counted(transactions, 'transaction', 'transactions')}`;
  return `${found}${shown}. Next: ${nextOf(first)}`;
}

/** A parked branch waits for an operator, any other for its participant. What nobody has decided has to be looked at first. */
function nextOf({ gid, branch, status }: StuckBranch): string {
  return branch.parked && status !== 'trying'
    ? `tercet resume ${shellWord(gid)} ${branch.branch}`
    : `tercet tx get ${shellWord(gid)}`;
}

/** What phase two calls in a status; undefined = nobody has decided that yet. */
export function phaseOf(status: StuckBranch['status']): 'confirm' | 'cancel' | undefined {
  if (status === 'trying') return undefined;
  return status === 'confirming' || status === 'confirmed' ? 'confirm' : 'cancel';
}

function columnsAt(now: number): readonly Column<StuckBranch>[] {
  const ageText = ({ decidedAt }: StuckBranch): string =>
    decidedAt === undefined ? '-' : formatAge(now - decidedAt);
  return [
    { header: 'GID', value: (row) => row.gid },
    { header: 'NAME', value: (row) => row.name },
    { header: 'BRANCH', value: (row) => row.branch.branch },
    { header: 'SERVICE/ACTION', value: (row) => `${row.branch.service}/${row.branch.action}` },
    { header: 'PHASE', value: (row) => phaseOf(row.status) ?? '-' },
    { header: 'ATTEMPTS', value: (row) => String(row.branch.attempts), align: 'right' },
    { header: 'AGE', value: ageText, align: 'right' },
    { header: 'NEXT', value: (row) => formatNext(row.branch.nextAt, now), align: 'right' },
    {
      header: 'REASON',
      value: (row) => row.branch.stuckReason ?? '',
      paint: (text, _row, colors) => colors.yellow(text),
    },
    { header: 'CODE', value: (row) => failureCode(row.branch) },
    { header: 'LAST ERROR', value: (row) => failureText(row.branch) },
  ];
}
