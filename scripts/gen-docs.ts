/**
 * Writes the documents that are made from tables of the code, so that they cannot disagree with it.
 * With `--check` it writes nothing, names what is stale and exits 1. A new document is a new row of `documents`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type ErrorEntry,
  type Fact,
  type GlobalMove,
  type GlobalStatus,
  type Transition,
  branchTransitions,
  errorCatalogue,
  facts,
  globalStatuses,
  globalTransitions,
  isFinished,
  metadataKeys,
  phaseTwoOf,
  stuckReasons,
} from '@tercet/core';
import { apiReport } from './api-report';
import { configPage } from './config-page';

/** A generated document: where it stands below the root of the repository, and what makes its text. */
export interface GeneratedDocument {
  readonly file: string;
  readonly render: () => string;
}

/** Every generated document. */
export const documents: readonly GeneratedDocument[] = [
  { file: 'docs/errors.md', render: errorsPage },
  { file: 'docs/state-machine.md', render: stateMachinePage },
  { file: 'docs/config.md', render: configPage },
  { file: 'packages/sdk/api-report.md', render: () => apiReport(path.resolve(__dirname, '..')) },
];

/** The command that writes them. */
export const command = 'npx tsx --conditions=@tercet/source scripts/gen-docs.ts';

/** Writes every document below `root`, or with `--check` compares them. Answers the exit code. */
export function main(root: string, args: readonly string[]): number {
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    console.error(`gen-docs: unknown argument ${unknown}; the only one is --check`);
    return 2;
  }
  if (args.length === 0) {
    for (const document of documents) write(root, document);
    return 0;
  }
  const stale = documents.filter((document) => !isFresh(root, document));
  for (const { file } of stale) console.error(`${file} is stale: run \`${command}\``);
  return stale.length === 0 ? 0 : 1;
}

function write(root: string, { file, render }: GeneratedDocument): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, render());
}

function isFresh(root: string, { file, render }: GeneratedDocument): boolean {
  const target = path.join(root, file);
  return existsSync(target) && readFileSync(target, 'utf8') === render();
}

function errorsPage(): string {
  const rows = Object.entries<ErrorEntry>(errorCatalogue).map(([code, row]) => [
    `\`${code}\``,
    row.rpc,
    row.http,
    row.exit,
    row.retryable ? 'yes' : 'no',
    row.text,
    row.hint,
  ]);
  const head = ['Code', 'gRPC status', 'HTTP', 'Exit', 'Retry', 'What happened', 'What to do'];
  return page('Errors', 'packages/core/src/errors.ts', [
    'Every expected error has one stable code. The code is what programs compare; texts are for people and may get ' +
      'better from version to version. A code is never renamed, and never used again for something else.',
    'The same code arrives on every way:',
    [
      `- **gRPC**: the status of the table, the code in the trailing metadata \`${metadataKeys.errorCode}\`, code and ` +
        `details (\`gid\`, \`status\`, \`field\`, …) together in \`${metadataKeys.errorInfo}\`.`,
      '- **SDK**: `error.code`, `error.details`, `error.retryable`, `error.hint` of every `TercetError`.',
      '- **HTTP**: the status of the table.',
      '- **`tercet` command**: the exit code of the table. 0 is success, 1 a general failure, 2 wrong usage, 3 a ' +
        'question of access, 4 not found, 5 refused because the state does not allow it, 6 unavailable or out of ' +
        'time, 7 a bulk action that succeeded in part, 8 a check that found something, 130 interrupted.',
    ].join('\n'),
    '**Retry** says whether the same call can succeed later. Every call may be sent again: a repeat of the same ' +
      'run is answered with what is true by then, and where the first answer got lost, that is how to learn it.',
    table(head, rows),
  ]);
}

/** What leads to each move; a move that is added without a word here does not compile. */
const moveReasons: Record<GlobalMove | keyof typeof branchTransitions, string> = {
  commitRequested: 'The initiator commits and lists exactly the registered branches.',
  rollbackRequested: 'The initiator rolls back and tells how its Tries ended.',
  deadlinePassed: 'Nobody decided within the timeout of the transaction.',
  allConfirmed: 'Every branch has answered its Confirm with OK, or was resolved.',
  allCancelled: 'Every branch has answered its Cancel with OK, or was resolved.',
  confirmAnswered:
    'Its Confirm was answered with OK, or an operator resolved it; the transaction is `confirming`.',
  cancelAnswered:
    'Its Cancel was answered with OK, or an operator resolved it; the transaction is `cancelling`.',
};

const factTexts: Record<Fact, readonly [holds: string, promise: string]> = {
  decided: ['The decision is durable.', 'It never changes, whatever crashes.'],
  executed: [
    'Decided, and every branch has answered OK or was resolved.',
    'The work is done everywhere. Told from memory: after a crash it may read `decided` again until the branches ' +
      'have been asked once more.',
  ],
  settled: ['The completion is durable.', 'Nothing more will happen.'],
};

const parkingRows: readonly (readonly [answer: string, reason: string, when: string])[] = [
  ['FAILED_PRECONDITION with the verdict `reject`', '`rejected`', 'always'],
  ['FAILED_PRECONDITION with the verdict `park`', '`parked`', 'always'],
  ['FAILED_PRECONDITION with the verdict `conflict`', '`barrier`', 'always'],
  [
    'UNIMPLEMENTED, UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT',
    '`unimplemented`, `auth`, `rejected`',
    'where its definition says `parkPermanentErrors`; else it is repeated slowly',
  ],
];

const operatorRows: readonly (readonly [order: string, of: string, effect: string])[] = [
  [
    'retry',
    'is pending and not parked',
    'It is due now, and its backoff begins anew; a first Cancel still outwaits a Try that may start.',
  ],
  ['resume', 'is parked', 'It is no longer parked, due now, and its backoff begins anew.'],
  [
    'resolve',
    'is pending',
    'It ends as the decision wants, without a call; who vouched for that, when and why is kept.',
  ],
];

function stateMachinePage(): string {
  return page('State machine', 'packages/core/src/transitions.ts', [
    'A transaction and its branches have few statuses and few moves. Decisions, the guards of the store and this ' +
      'page come from the same tables.',
    '## The transaction',
    diagram('trying', globalTransitions, globalStatuses.filter(isFinished)),
    moveTable(globalTransitions),
    'No move leads from one decision to the other, and none leads back: a decision is durable before the first ' +
      'call of phase two leaves, and never changes. Branches are added only while `trying`. A transaction without ' +
      'branches takes two moves in one write, because nobody has to be called.',
    'An event whose effect is already there changes nothing and is answered with the present truth, so every ' +
      'request may be repeated; only a contradiction is an [error](errors.md).',
    '## Phase two',
    table(['Status', 'Each branch gets', 'Branch ends', 'Transaction ends'], phaseTwoRows()),
    'A branch is called until it answers OK. Any other answer makes it due again later, without end, or parks it: ' +
      'what does not get through is shown as stuck, not given up.',
    '### Parked',
    'A parked branch is called no more until an operator acts. It is still `registered`, is always shown as stuck, ' +
      'and keeps its transaction unfinished. These answers to Confirm or Cancel park it:',
    table(['Answer', 'Reason shown', 'Parks'], parkingRows),
    '### What operators may do',
    'No order of an operator changes a decision, or calls a branch in the other direction.',
    table(['Order', 'Of a branch that', 'Effect'], operatorRows),
    '### After a restore',
    'A store that was put back has forgotten what came after it, so every pending branch comes back parked, with the ' +
      'reason `restored` ([restore.md](operations/restore.md)). A transaction that was `trying` then is held: its deadline ' +
      'decides nothing and it takes no more branches. It is decided by its initiator, which calls nobody, or by an ' +
      'operator: resume cancels it, resolve decides for the end that it vouches for and leaves the other branches parked.',
    '### In an order',
    'With `phase_two_order` all (the default) every branch is called at once. In the order of registration, or its ' +
      'reverse, a branch is called after all branches before it have ended: by OK, or resolved. One that is parked ' +
      'or keeps failing blocks those behind it; they are not stuck, and name the branch that they wait for. A ' +
      'branch that is resolved out of turn frees nobody before those ahead of it have ended.',
    '## The branch',
    diagram('registered', branchTransitions, ['confirmed', 'cancelled']),
    moveTable(branchTransitions),
    '## Facts to wait for',
    'Each fact implies the ones above it. `wait_for` of Commit and Rollback, and WaitTransaction, name one of them.',
    table(
      ['Fact', 'Holds when', 'What it promises'],
      facts.map((fact) => [`\`${fact}\``, ...factTexts[fact]]),
    ),
    '## Columns, not statuses',
    'These change without a move, and are stored beside the status:',
    [
      '- of the transaction: why and when it was decided (`commit`, `rollback` with its reason, `timeout`), its ' +
        'deadline, its labels, the epoch that fences off a former owner;',
      '- of a branch, phase one: what is known of its Try (`none`, `started`, `done`, `refused`, `unknown`), whether ' +
        'the initiator told it, and the time after which it must not start;',
      '- of a branch, phase two: the number of attempts, of failures since its backoff last began, the time of the ' +
        'first attempt, the last and the next, the last failure, why it is stuck ' +
        `(${stuckReasons.map((reason) => `\`${reason}\``).join(', ')}), whether it is parked, and the verdict of ` +
        'who resolved it: what was asserted, by whom, when and why.',
    ].join('\n'),
  ]);
}

function phaseTwoRows(): string[][] {
  return globalStatuses.flatMap((status: GlobalStatus) => {
    const open = phaseTwoOf[status];
    if (open === undefined) return [];
    const call = open.phase === 'confirm' ? 'Confirm' : 'Cancel';
    return [[`\`${status}\``, call, `\`${open.branchEnd}\``, `\`${open.end}\``]];
  });
}

type Moves = Readonly<Partial<Record<keyof typeof moveReasons, Transition<string>>>>;

function moveTable(moves: Moves): string {
  const rows = Object.entries(moves).map(([name, { from, to }]) => [
    `\`${name}\``,
    from.map((status) => `\`${status}\``).join(', '),
    `\`${to}\``,
    moveReasons[name as keyof typeof moveReasons],
  ]);
  return table(['Move', 'From', 'To', 'Because'], rows);
}

function diagram(start: string, moves: Moves, ends: readonly string[]): string {
  const arrows = Object.entries(moves).flatMap(([name, { from, to }]) =>
    from.map((status) => `  ${status} --> ${to}: ${name}`),
  );
  const lines = [`  [*] --> ${start}`, ...arrows, ...ends.map((end) => `  ${end} --> [*]`)];
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n');
}

function page(title: string, source: string, parts: readonly string[]): string {
  const note = `<!-- Generated from ${source}. Change it there, then run: ${command} -->`;
  return `${[`# ${title}`, note, ...parts].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: ReadonlyArray<readonly (string | number)[]>): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map(escapeCell).join(' | ')} |`).join('\n');
}

/** A bar would end the cell, and `<name>` would be taken for HTML and vanish. */
function escapeCell(cell: string | number): string {
  return String(cell).replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

if (require.main === module) {
  process.exitCode = main(path.resolve(__dirname, '..'), process.argv.slice(2));
}
