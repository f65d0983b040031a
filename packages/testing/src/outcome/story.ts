/** What happened to a transaction, for whoever reads a failed test. */
import type { BranchView, TransactionView } from '@tercet/sdk';
import { type RecordedAnswer, type RecordedCall, statusName } from '../history';

/** Calls that are shown; of more, the last ones. */
const CALLS_MAX = 20;

/** What a story is told of. */
export interface StoryOf {
  readonly view: TransactionView;
  readonly calls: readonly RecordedCall[];
  /** Virtual Unix ms. */
  readonly now: number;
}

/** The branches and calls of a transaction, one a line. */
export function story({ view, calls, now }: StoryOf): string {
  const { gid, name, status, branches, decidedAt } = view;
  const decided =
    decidedAt === undefined
      ? 'undecided'
      : `decided ${ago(now - decidedAt)} (${view.cause}${view.reason === '' ? '' : `: ${view.reason}`})`;
  const lines = [
    `${gid} (${name}) is ${status}, ${decided}, opened ${ago(now - view.openedAt)}`,
    ...(branches.length === 0 ? ['  it has no branches'] : []),
    ...branches.flatMap((branch) => branchLines(branch, now)),
    ...callLines(calls, view.openedAt),
  ];
  return lines.join('\n');
}

/** Milliseconds for people: `1h 2m`, `3.5s`. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10}s`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms % 60_000) / 1_000);
  if (minutes < 60) return seconds === 0 ? `${minutes}m` : `${minutes}m ${seconds}s`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

function ago(ms: number): string {
  return `${spanText(Math.max(0, ms))} ago`;
}

function branchLines(branch: BranchView, now: number): readonly string[] {
  const { service, action, target, status, attempts, lastFailure, lastAt, nextAt } = branch;
  const tried = branch.phaseOne === 'none' ? '' : `, Try ${branch.phaseOne}`;
  const head = `  branch ${branch.branch} ${service} ${action} at ${target}: ${status}${tried}, ${attempts} ${attempts === 1 ? 'call' : 'calls'} of phase two`;
  if (status !== 'registered') return [head];
  const lines = [head];
  if (branch.parked)
    lines.push('    parked: nobody calls it before an operator resumes or resolves it');
  else if (branch.stuckReason !== undefined) lines.push(`    stuck: ${branch.stuckReason}`);
  if (lastFailure !== undefined) {
    const when = lastAt === undefined ? '' : `, ${ago(now - lastAt)}`;
    lines.push(
      `    last error: ${statusName(lastFailure.grpcCode)}: ${lastFailure.message}${when}`,
    );
  }
  if (branch.waitsFor !== undefined) lines.push(`    waits for branch ${branch.waitsFor}`);
  if (nextAt !== undefined) {
    lines.push(`    next attempt: ${nextAt <= now ? 'due now' : `in ${spanText(nextAt - now)}`}`);
  }
  return lines;
}

function callLines(calls: readonly RecordedCall[], openedAt: number): readonly string[] {
  if (calls.length === 0) return ['  nobody was called'];
  const shown = calls.slice(-CALLS_MAX);
  const more = calls.length - shown.length;
  return [
    `  calls${more === 0 ? '' : ` (${more} earlier ones left out)`}:`,
    ...shown.map((call) => callLine(call, openedAt)),
  ];
}

function callLine(call: RecordedCall, openedAt: number): string {
  const { at, phase, branch, action, attempt, answer, fault } = call;
  const end = answer === undefined ? 'no answer yet' : answerText(answer);
  const why = fault === undefined ? '' : ` [${fault}]`;
  return `    +${spanText(Math.max(0, at - openedAt))} ${phase} of ${action}, branch ${branch}, attempt ${attempt}: ${end}${why}`;
}

function answerText({ status, message }: RecordedAnswer): string {
  return status === 'OK' || message === '' ? status : `${status}: ${message}`;
}
