/** Golden texts: what operators read after they changed something. */
import { describe, expect, test } from '@jest/globals';
import type { BranchId } from '@tercet/core';
import { aBranch, aTransaction, anUnreachableBranch, opened } from '../../test/support/views';
import { type VerbReport, nextAfter, resolveWarning, verbText } from './verbs';

const ids = (...texts: string[]): BranchId[] => texts as BranchId[];
const done = aBranch({ status: 'confirmed' });
const [one, two, three] = ids('1', '2', '3') as [BranchId, BranchId, BranchId];
const verdict = { asserted: 'confirmed', by: 'ann@ops', at: opened, reason: 'by\nhand' } as const;

function report(change: Partial<VerbReport>): VerbReport {
  return {
    verb: 'retry',
    dryRun: false,
    transaction: aTransaction(),
    asked: [],
    changed: [],
    ...change,
  };
}

describe('what changed, and the state after it', () => {
  test.each<[string, Partial<VerbReport>, readonly string[]]>([
    [
      'retry of one',
      { changed: [two] },
      ['branch 2 of ord-8842 is due now', 'ord-8842 is confirming, 1 branch pending'],
    ],
    [
      'retry of several, in order',
      {
        changed: [one, two, three],
        transaction: aTransaction({
          branches: [
            aBranch(),
            aBranch({ branch: two, waitsFor: one }),
            aBranch({ branch: three, waitsFor: two }),
          ],
        }),
      },
      [
        'branch 1 of ord-8842 is due now',
        'branches 2, 3 of ord-8842 wait for another branch first',
        'ord-8842 is confirming, 3 branches pending',
      ],
    ],
    [
      'resume',
      { verb: 'resume', changed: [one, two], transaction: aTransaction({ status: 'cancelling' }) },
      [
        'branches 1, 2 of ord-8842 are resumed and due now',
        'ord-8842 is cancelling, 1 branch pending',
      ],
    ],
    [
      'resolve of the last one',
      {
        verb: 'resolve',
        asked: [two],
        as: 'confirmed',
        changed: [two],
        transaction: aTransaction({ branches: [done] }),
      },
      [
        'branch 2 of ord-8842 is resolved as confirmed',
        'ord-8842 is confirming, every branch has ended',
      ],
    ],
    [
      'a dry run of resolve, of a branch that waits for another one',
      {
        verb: 'resolve',
        dryRun: true,
        asked: [two],
        as: 'confirmed',
        changed: [two],
        transaction: aTransaction({
          branches: [aBranch(), aBranch({ branch: two, waitsFor: one })],
        }),
      },
      [
        'dry run, nothing was changed:',
        'branch 2 of ord-8842 would be resolved as confirmed',
        'ord-8842 is confirming, 2 branches pending',
      ],
    ],
    [
      'a dry run',
      { dryRun: true, changed: [two] },
      [
        'dry run, nothing was changed:',
        'branch 2 of ord-8842 would be due now',
        'ord-8842 is confirming, 1 branch pending',
      ],
    ],
  ])('%s', (_case, change, lines) => {
    expect(verbText(report(change)).split('\n')).toEqual(lines);
  });

  test.each<[string, Partial<VerbReport>, string]>([
    ['retry', {}, 'nothing to retry: no branch of ord-8842 is pending'],
    ['retry', { asked: [one] }, 'nothing to retry: branch 1 of ord-8842 has ended'],
    ['retry', { asked: [one, two] }, 'nothing to retry: branches 1, 2 of ord-8842 have ended'],
    ['resume', {}, 'nothing to resume: no branch of ord-8842 is parked'],
    ['resume', { asked: [one] }, 'nothing to resume: branch 1 of ord-8842 is not parked'],
    ['resolve', { asked: [one] }, 'nothing to resolve: branch 1 of ord-8842 answered by itself'],
  ])('%s where there is nothing to do', (verb, change, line) => {
    const transaction = aTransaction({ status: 'confirmed', branches: [done] });
    const text = verbText(report({ verb: verb as VerbReport['verb'], transaction, ...change }));
    expect(text).toBe(`${line}\nord-8842 is confirmed`);
  });

  test('names who resolved it before', () => {
    const transaction = aTransaction({
      status: 'confirmed',
      branches: [aBranch({ status: 'confirmed', verdict })],
    });
    expect(verbText(report({ verb: 'resolve', asked: [one], transaction }))).toBe(
      'branch 1 of ord-8842 was resolved at 2026-01-14T10:00:00.000Z by ann@ops: by hand\nord-8842 is confirmed',
    );
  });
});

test.each<[string, Partial<VerbReport>, string]>([
  ['after a change', { changed: [two] }, 'tercet tx get ord-8842'],
  [
    'where something is parked',
    { changed: [two], transaction: aTransaction({ branches: [aBranch({ parked: true })] }) },
    'tercet resume ord-8842',
  ],
  ['after a dry run', { dryRun: true, changed: [two] }, 'the same command without --dry-run'],
  ['after a dry run that would change nothing', { dryRun: true }, 'tercet tx get ord-8842'],
  [
    'with a gid that a shell would obey',
    { transaction: aTransaction({ gid: '`ls`' }) },
    "tercet tx get '`ls`'",
  ],
])('the next command %s', (_case, change, command) => {
  expect(nextAfter(report(change))).toBe(`Next: ${command}`);
});

test('who is about to resolve reads what it means', () => {
  const branch = anUnreachableBranch({ target: 'dns:///stock\u001b[2J' });
  expect(resolveWarning(aTransaction(), branch, 'confirmed')).toBe(
    'Branch 2 of ord-8842 (shop.StockTcc/reserve at dns:///stock\\u001b[2J) will count as confirmed on your word.\n' +
      'It is never called again, its participant learns nothing, and nobody can undo it.',
  );
});
