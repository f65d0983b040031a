import type { BranchView, TransactionView } from '@tercet/sdk/operator';
import { formatSpan, formatTime } from '../age';
import { type Colors, plain } from '../colors';
import { oneLine } from '../one-line';
import { failureCode, failureText } from './failure';
import { paintStatus } from './status';
import { type Column, type TableOptions, table } from './table';

/**
 * A whole transaction: its facts, a table of its branches, and one of operators' verdicts where there are any. All times
 * are the coordinator's.
 */
export function describeTransaction(tx: TransactionView, options: TableOptions = {}): string {
  const { colors = plain } = options;
  const branches = tx.branches.length === 0 ? noBranches(tx) : table(columns, tx.branches, options);
  const resolved = tx.branches.filter(({ verdict }) => verdict !== undefined);
  const verdicts = table(verdictColumns, resolved, options);
  return [factLines(factsOf(tx, colors), colors), branches, verdicts]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Said instead of a table. */
function noBranches({ tombstone }: TransactionView): string {
  if (tombstone === undefined) return 'no branches';
  const { branches, resultDigest } = tombstone;
  const count = branches === 1 ? '1 branch' : `${branches} branches`;
  const result = resultDigest === undefined ? 'no result' : `a result (SHA-256 ${resultDigest})`;
  return `only a tombstone is kept: it had ${count} and ${result}; payloads and history are gone`;
}

type Fact = readonly [label: string, text: string];

/** Undecided, and parked: only a restored store brings that about. */
function isHeld({ status, branches }: TransactionView): boolean {
  return status === 'trying' && branches.some(({ parked }) => parked);
}

const heldText = 'none: it came back with a restored store; `tercet resume` cancels it';

function factsOf(tx: TransactionView, colors: Colors): readonly Fact[] {
  const labels = Object.entries(tx.labels).map(([key, value]) => `${key}=${value}`);
  return [
    ['gid', oneLine(tx.gid)],
    ['name', oneLine(tx.name)],
    ['status', paintStatus(tx.status, tx.status, colors)],
    ['reached', tx.reached ?? 'nothing is decided'],
    ...optional('cause', tx.cause),
    ...optional('reason', tx.reason),
    ['opened', formatTime(tx.openedAt)],
    ['deadline', isHeld(tx) ? heldText : timeSince(tx.deadlineAt, tx.openedAt)],
    ['decided', timeSince(tx.decidedAt, tx.openedAt)],
    ['finished', timeSince(tx.finishedAt, tx.openedAt)],
    ['run', oneLine(tx.runId)],
    ...optional('labels', labels.join(' ')),
    ...optional('trace', tx.trace?.traceparent),
  ];
}

function optional(label: string, text: string | undefined): readonly Fact[] {
  return text === undefined || text === '' ? [] : [[label, oneLine(text)]];
}

function timeSince(at: number | undefined, openedAt: number): string {
  return at === undefined ? '-' : `${formatTime(at)} (+${formatSpan(at - openedAt)})`;
}

function factLines(facts: readonly Fact[], colors: Colors): string {
  const width = Math.max(...facts.map(([label]) => label.length));
  return facts.map(([label, text]) => `${colors.bold(label.padEnd(width))}  ${text}`).join('\n');
}

const columns: readonly Column<BranchView>[] = [
  { header: 'BRANCH', value: (branch) => branch.branch },
  { header: 'SERVICE/ACTION', value: (branch) => `${branch.service}/${branch.action}` },
  { header: 'TARGET', value: (branch) => branch.target },
  { header: 'PHASE ONE', value: (branch) => branch.phaseOne },
  { header: 'STATUS', value: (branch) => branch.status },
  { header: 'ATTEMPTS', value: (branch) => String(branch.attempts), align: 'right' },
  {
    header: 'NEXT',
    value: nextText,
    paint: (text, branch, colors) => (branch.parked ? colors.yellow(text) : text),
  },
  {
    header: 'STUCK',
    value: (branch) => branch.stuckReason ?? '',
    paint: (text, branch, colors) =>
      branch.stuckReason === undefined ? text : colors.yellow(text),
  },
  { header: 'CODE', value: failureCode },
  { header: 'LAST ERROR', value: failureText },
];

const verdictColumns: readonly Column<BranchView>[] = [
  { header: 'BRANCH', value: (branch) => branch.branch },
  { header: 'RESOLVED AS', value: ({ verdict }) => verdict?.asserted ?? '' },
  { header: 'BY', value: ({ verdict }) => verdict?.by ?? '' },
  { header: 'AT', value: ({ verdict }) => (verdict === undefined ? '' : formatTime(verdict.at)) },
  { header: 'WHY', value: ({ verdict }) => verdict?.reason ?? '' },
];

/** When it is called next, or what has to happen first. */
function nextText({ parked, waitsFor, nextAt }: BranchView): string {
  if (parked) return 'parked';
  if (waitsFor !== undefined) return `after ${waitsFor}`;
  return nextAt === undefined ? '' : formatTime(nextAt);
}
