/** Golden texts: a change of what operators see is a change here. */
import { describe, expect, test } from '@jest/globals';
import type { BranchId } from '@tercet/core';
import type { TransactionView } from '@tercet/sdk/operator';
import {
  aBranch,
  aStuckBranch,
  aStuckPage,
  aSummary,
  aTransaction,
  anUnreachableBranch,
  opened,
} from '../../test/support/views';
import { describeTransaction } from './describe';
import { codeName } from './failure';
import { stuckSummary, stuckTable } from './stuck';
import { transactionTable } from './transactions';

function golden(...lines: readonly string[]): string {
  return lines.join('\n');
}

describe('stuck', () => {
  test('shows the columns of the operators’ guide', () => {
    expect(stuckTable(aStuckPage())).toBe(
      golden(
        'GID       NAME      BRANCH  SERVICE/ACTION         PHASE    ATTEMPTS  AGE  NEXT  REASON       CODE                 LAST ERROR',
        'ord-8842  checkout  2       shop.StockTcc/reserve  confirm        14   9m   42s  unreachable  UNAVAILABLE          connect ECONNREFUSED 10.0.3.7:50051',
        'ord-8851  checkout  1       pay.HoldTcc/hold       cancel          5   2m     -  rejected     FAILED_PRECONDITION  hold expired',
      ),
    );
  });

  test('shortens the last error in a terminal', () => {
    const [, first = ''] = stuckTable(aStuckPage(), { width: 148 }).split('\n');
    expect(first).toHaveLength(148);
    expect(first.endsWith('  connect ECONNREFUSED 10.0.3.7:50…')).toBe(true);
  });

  test.each([70, 80, 134])(
    'shows the whole error in a terminal of %d columns, which wraps the line anyway',
    (width) => {
      expect(stuckTable(aStuckPage(), { width })).toBe(stuckTable(aStuckPage()));
    },
  );

  test.each([
    ['nothing', { branches: [], total: 0, transactions: 0 }, 'No stuck branches.'],
    ['two', {}, '2 stuck branches in 2 transactions. Next: tercet tx get ord-8842'],
    [
      'one',
      { branches: [aStuckBranch()], total: 1, transactions: 1 },
      '1 stuck branch in 1 transaction. Next: tercet tx get ord-8842',
    ],
    [
      'more than fit',
      { total: 250, transactions: 80 },
      '250 stuck branches in 80 transactions, the oldest 2 shown. Next: tercet tx get ord-8842',
    ],
    [
      'a parked one first',
      {
        branches: [aStuckBranch({ branch: aBranch({ parked: true }) })],
        total: 1,
        transactions: 1,
      },
      '1 stuck branch in 1 transaction. Next: tercet resume ord-8842 1',
    ],
    [
      'a gid that a shell would obey',
      { branches: [aStuckBranch({ gid: '$(reboot)' })], total: 1, transactions: 1 },
      "1 stuck branch in 1 transaction. Next: tercet tx get '$(reboot)'",
    ],
  ])('closes with what to do next: %s', (_case, change, text) => {
    expect(stuckSummary(aStuckPage(change))).toBe(text);
  });
});

test('tx list shows when, how long and why', () => {
  const rows = [
    aSummary(),
    aSummary({
      gid: 'ord-9',
      status: 'trying',
      decidedAt: undefined,
      cause: undefined,
      branches: 1,
    }),
    aSummary({
      gid: 'ord-10',
      status: 'cancelled',
      cause: 'timeout',
      decidedAt: opened + 30_000,
      finishedAt: opened + 125_000,
    }),
  ];
  expect(transactionTable(rows)).toBe(
    golden(
      'GID       NAME      STATUS      BRANCHES  OPENED                    DECIDED  FINISHED  CAUSE',
      'ord-8842  checkout  confirming         2  2026-01-14T10:00:00.000Z    +35ms         -  commit',
      'ord-9     checkout  trying             1  2026-01-14T10:00:00.000Z        -         -  -',
      'ord-10    checkout  cancelled          2  2026-01-14T10:00:00.000Z     +30s    +2m 5s  timeout',
    ),
  );
});

describe('tx get', () => {
  test('shows facts, then branches', () => {
    expect(describeTransaction(aTransaction())).toBe(
      golden(
        'gid       ord-8842',
        'name      checkout',
        'status    confirming',
        'reached   decided',
        'cause     commit',
        'opened    2026-01-14T10:00:00.000Z',
        'deadline  2026-01-14T10:00:30.000Z (+30s)',
        'decided   2026-01-14T10:00:00.035Z (+35ms)',
        'finished  -',
        'run       0123456789abcdef0123456789abcdef',
        '',
        'BRANCH  SERVICE/ACTION         TARGET           PHASE ONE  STATUS      ATTEMPTS  NEXT                      STUCK        CODE         LAST ERROR',
        '1       shop.StockTcc/reserve  127.0.0.1:50051  done       confirmed          1  -                         -            -            -',
        '2       shop.StockTcc/reserve  127.0.0.1:50051  done       registered        14  2026-01-14T10:10:02.000Z  unreachable  UNAVAILABLE  connect ECONNREFUSED 10.0.3.7:50051',
      ),
    );
  });

  test('shows what is there and leaves out what is not', () => {
    const tx = aTransaction({
      status: 'cancelled',
      reached: 'settled',
      cause: 'rollback',
      reason: 'no stock\nleft',
      labels: { tenant: 'acme', region: 'eu' },
      trace: { traceparent: '00-aa-bb-01', tracestate: '' },
      decidedAt: opened + 80,
      finishedAt: opened + 1_290,
      branches: [aBranch({ phaseOne: 'refused', status: 'cancelled' })],
    });
    expect(describeTransaction(tx).split('\n').slice(0, 13)).toEqual([
      'gid       ord-8842',
      'name      checkout',
      'status    cancelled',
      'reached   settled',
      'cause     rollback',
      'reason    no stock left',
      'opened    2026-01-14T10:00:00.000Z',
      'deadline  2026-01-14T10:00:30.000Z (+30s)',
      'decided   2026-01-14T10:00:00.080Z (+80ms)',
      'finished  2026-01-14T10:00:01.290Z (+1.3s)',
      'run       0123456789abcdef0123456789abcdef',
      'labels    tenant=acme region=eu',
      'trace     00-aa-bb-01',
    ]);
  });

  test('shows what is parked, what waits for it, and what operators asserted', () => {
    const parked = aBranch({ parked: true, attempts: 1, stuckReason: 'rejected' });
    const verdict = {
      asserted: 'confirmed',
      by: 'ann@ops',
      at: opened + 1_200_000,
      reason: 'settled\nby hand, ticket 4711',
    } as const;
    const text = describeTransaction(
      aTransaction({
        branches: [
          parked,
          aBranch({ branch: '2' as BranchId, waitsFor: '1' as BranchId }),
          anUnreachableBranch({
            branch: '3' as BranchId,
            status: 'confirmed',
            nextAt: undefined,
            verdict,
          }),
        ],
      }),
    );
    const [, branches = '', verdicts] = text.split('\n\n');
    expect(branches.split('\n').map((line) => line.slice(0, 98).trimEnd())).toEqual([
      'BRANCH  SERVICE/ACTION         TARGET           PHASE ONE  STATUS      ATTEMPTS  NEXT     STUCK',
      '1       shop.StockTcc/reserve  127.0.0.1:50051  done       registered         1  parked   rejected',
      '2       shop.StockTcc/reserve  127.0.0.1:50051  done       registered         0  after 1  -',
      '3       shop.StockTcc/reserve  127.0.0.1:50051  done       confirmed         14  -        unreacha',
    ]);
    expect(verdicts).toBe(
      golden(
        'BRANCH  RESOLVED AS  BY       AT                        WHY',
        '3       confirmed    ann@ops  2026-01-14T10:20:00.000Z  settled by hand, ticket 4711',
      ),
    );
  });

  test('says so when nothing is decided and nothing is registered', () => {
    const tx = aTransaction({
      status: 'trying',
      reached: undefined,
      cause: undefined,
      decidedAt: undefined,
      branches: [],
    });
    const text = describeTransaction(tx);
    expect(text).toContain('reached   nothing is decided\n');
    expect(text).toContain('decided   -\n');
    expect(text.endsWith('\n\nno branches')).toBe(true);
  });

  test('says of a tombstone what it was, and that the rest is gone', () => {
    const left = (tombstone: TransactionView['tombstone']) =>
      describeTransaction(aTransaction({ branches: [], tombstone }))
        .split('\n')
        .at(-1);
    expect(left({ branches: 2, resultDigest: 'ab12' })).toBe(
      'only a tombstone is kept: it had 2 branches and a result (SHA-256 ab12); payloads and history are gone',
    );
    expect(left({ branches: 1, resultDigest: undefined })).toBe(
      'only a tombstone is kept: it had 1 branch and no result; payloads and history are gone',
    );
    const rows = transactionTable([aSummary({ status: 'confirmed', tombstone: true })]);
    expect(rows).toContain('confirmed (tombstone)');
  });
});

test('a gRPC status that nobody knows shows its number', () => {
  expect(codeName(14)).toBe('UNAVAILABLE');
  expect(codeName(99)).toBe('CODE(99)');
});
