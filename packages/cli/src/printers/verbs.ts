/** What operators' verbs tell: what changed, the state after it, and what to type next. */
import type { BranchId } from '@tercet/core';
import type { BranchView, TransactionView } from '@tercet/sdk/operator';
import { formatTime } from '../age';
import { oneLine } from '../one-line';
import { shellWord } from '../shell-word';
import { counted } from './counted';

/** What an operator can do to branches. */
export type Verb = 'retry' | 'resume' | 'resolve';

/** What a verb did, or would do. */
export interface VerbReport {
  readonly verb: Verb;
  /** Nothing was changed: `changed` is what would be. */
  readonly dryRun: boolean;
  /** After the change; of a dry run: as it is. */
  readonly transaction: TransactionView;
  /** The branches concerned; empty = the effect is there already. */
  readonly changed: readonly BranchId[];
  /** The branches that were named; empty = all that the verb is for. */
  readonly asked: readonly BranchId[];
  /** Of resolve: how the branch is to have ended. */
  readonly as?: string;
}

/** Lines for standard output: what changed, then the transaction's state. */
export function verbText(report: VerbReport): string {
  const { transaction: tx, changed } = report;
  const lines = changed.length === 0 ? [nothingLine(report)] : changedLines(report);
  const text = [...lines, `${oneLine(tx.gid)} is ${stateOf(tx)}`].join('\n');
  return report.dryRun ? `dry run, nothing was changed:\n${text}` : text;
}

/** The closing line. */
export function nextAfter({ dryRun, changed, transaction: tx }: VerbReport): string {
  if (dryRun && changed.length > 0) return 'Next: the same command without --dry-run';
  const parked = tx.branches.some((branch) => branch.parked);
  return `Next: tercet ${parked ? 'resume' : 'tx get'} ${shellWord(tx.gid)}`;
}

/** What a person confirms by typing: the consequence, before it is there. */
export function resolveWarning(tx: TransactionView, branch: BranchView, as: string): string {
  const who = `${oneLine(branch.service)}/${oneLine(branch.action)} at ${oneLine(branch.target)}`;
  return [
    `Branch ${branch.branch} of ${oneLine(tx.gid)} (${who}) will count as ${as} on your word.`,
    'It is never called again, its participant learns nothing, and nobody can undo it.',
  ].join('\n');
}

function changedLines(report: VerbReport): readonly string[] {
  const { changed, dryRun, transaction: tx } = report;
  // A verdict waits for nobody: only calls keep to the order of phase two.
  const waits = (id: BranchId): boolean =>
    report.verb !== 'resolve' &&
    tx.branches.some(({ branch, waitsFor }) => branch === id && waitsFor !== undefined);
  const first = changed.filter((id) => !waits(id));
  const later = changed.filter(waits);
  const verb = dryRun ? 'would be' : isOrAre(first);
  const waiting = later.length === 1 ? 'waits' : 'wait';
  return [
    ...sentence(first, tx.gid, `${verb} ${effectOf(report)}`),
    ...sentence(later, tx.gid, `${waiting} for another branch first`),
  ];
}

function sentence(ids: readonly BranchId[], gid: string, predicate: string): readonly string[] {
  return ids.length === 0 ? [] : [`${subject(ids, gid)} ${predicate}`];
}

function subject(ids: readonly BranchId[], gid: string): string {
  return `${ids.length === 1 ? 'branch' : 'branches'} ${ids.join(', ')} of ${oneLine(gid)}`;
}

function isOrAre(ids: readonly BranchId[]): string {
  return ids.length === 1 ? 'is' : 'are';
}

function effectOf({ verb, as = '' }: VerbReport): string {
  switch (verb) {
    case 'retry':
      return 'due now';
    case 'resume':
      return 'resumed and due now';
    case 'resolve':
      return `resolved as ${as}`;
  }
}

function nothingLine({ verb, transaction: tx, asked }: VerbReport): string {
  const all = asked.length === 0;
  const named = subject(asked, tx.gid);
  switch (verb) {
    case 'retry': {
      const ended = `${named} ${asked.length === 1 ? 'has' : 'have'} ended`;
      return `nothing to retry: ${all ? `no branch of ${oneLine(tx.gid)} is pending` : ended}`;
    }
    case 'resume': {
      const running = `${named} ${isOrAre(asked)} not parked`;
      return `nothing to resume: ${all ? `no branch of ${oneLine(tx.gid)} is parked` : running}`;
    }
    case 'resolve':
      return resolvedBefore(tx, asked) ?? `nothing to resolve: ${named} answered by itself`;
  }
}

function resolvedBefore(tx: TransactionView, asked: readonly BranchId[]): string | undefined {
  const verdict = tx.branches.find(({ branch }) => asked.includes(branch))?.verdict;
  if (verdict === undefined) return undefined;
  const { at, by, reason } = verdict;
  return `${subject(asked, tx.gid)} was resolved at ${formatTime(at)} by ${oneLine(by)}: ${oneLine(reason)}`;
}

function stateOf({ status, branches }: TransactionView): string {
  const pending = branches.filter((branch) => branch.status === 'registered').length;
  if (pending > 0) return `${status}, ${counted(pending, 'branch', 'branches')} pending`;
  const open = status === 'confirming' || status === 'cancelling';
  return open ? `${status}, every branch has ended` : status;
}
