import { describe, expect, test } from '@jest/globals';
import { deepFreeze } from '../test/deep-freeze';
import type { TryOutcome } from './branch';
import { type Decision, type TransactionEvent, decide } from './decide';
import type { ErrorCode } from './errors';
import type { GlobalTransaction } from './global-transaction';
import type { BranchId, RunId } from './ids';
import { limits } from './limits';
import { aBranch, aBranchSpec, aTransaction } from './testing';
import { type GlobalStatus, decisionOf, globalStatuses, isFinished } from './transitions';

const one = '1' as BranchId;
const two = '2' as BranchId;
const three = '3' as BranchId;
const stranger = 'f'.repeat(32) as RunId;
const { runId, gid, openedAt, deadlineAt } = aTransaction();
const NOW = openedAt + 1_000;

/** A transaction with two branches in the given status. */
function aTxIn(status: GlobalStatus): GlobalTransaction {
  const decision = decisionOf(status);
  const branches = [one, two].map((id) => aBranch({ spec: aBranchSpec({ id }) }));
  return deepFreeze(
    aTransaction({
      status,
      branches,
      decidedAt: decision === undefined ? undefined : openedAt + 500,
      finishedAt: isFinished(status) ? openedAt + 600 : undefined,
      cause: causeOf(decision),
    }),
  );
}

function causeOf(decision: 'confirm' | 'cancel' | undefined): GlobalTransaction['cause'] {
  if (decision === undefined) return undefined;
  return decision === 'confirm' ? { kind: 'commit' } : { kind: 'rollback', reason: 'stock' };
}

function commit(...branchIds: BranchId[]): TransactionEvent {
  return { kind: 'commit', runId, branchIds };
}

function rollback(tries: Record<string, TryOutcome> = {}, reason = 'no stock'): TransactionEvent {
  return {
    kind: 'rollback',
    runId,
    reason,
    tries: new Map(Object.entries(tries)) as Map<BranchId, TryOutcome>,
  };
}

function accepted(decision: Decision): GlobalTransaction {
  if (decision.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(decision)}`);
  return decision.next;
}

describe('every event in every status', () => {
  type Answer = GlobalStatus | 'repeated' | ErrorCode;
  const deadline: TransactionEvent = { kind: 'deadline' };
  const wrongRunCommit: TransactionEvent = {
    kind: 'commit',
    runId: stranger,
    branchIds: [one, two],
  };
  const wrongRunRollback: TransactionEvent = {
    kind: 'rollback',
    runId: stranger,
    reason: '',
    tries: new Map(),
  };
  const late = deadlineAt;
  const same = (answer: Answer): readonly Answer[] => globalStatuses.map(() => answer);

  // One row per event, one column per status: trying, confirming, confirmed, cancelling, cancelled.
  const table: [string, TransactionEvent, number, readonly Answer[]][] = [
    [
      'a commit of all branches',
      commit(one, two),
      NOW,
      ['confirming', 'repeated', 'repeated', 'WRONG_STATUS', 'WRONG_STATUS'],
    ],
    [
      'a commit that came after the deadline, but before anything was decided',
      commit(two, one),
      late + 1,
      ['confirming', 'repeated', 'repeated', 'WRONG_STATUS', 'WRONG_STATUS'],
    ],
    [
      'a commit that leaves a branch out',
      commit(one),
      NOW,
      [
        'BRANCHES_MISMATCH',
        'BRANCHES_MISMATCH',
        'BRANCHES_MISMATCH',
        'WRONG_STATUS',
        'WRONG_STATUS',
      ],
    ],
    [
      'a commit that names a branch nobody registered',
      commit(one, two, three),
      NOW,
      [
        'BRANCHES_MISMATCH',
        'BRANCHES_MISMATCH',
        'BRANCHES_MISMATCH',
        'WRONG_STATUS',
        'WRONG_STATUS',
      ],
    ],
    ['a commit of another run', wrongRunCommit, NOW, same('WRONG_RUN')],
    [
      'a rollback',
      rollback(),
      NOW,
      ['cancelling', 'WRONG_STATUS', 'WRONG_STATUS', 'repeated', 'repeated'],
    ],
    ['a rollback of another run', wrongRunRollback, NOW, same('WRONG_RUN')],
    ['the deadline, a millisecond early', deadline, late - 1, same('repeated')],
    [
      'the deadline',
      deadline,
      late,
      ['cancelling', 'repeated', 'repeated', 'repeated', 'repeated'],
    ],
  ];
  const cases = table.flatMap(([what, event, now, answers]) =>
    globalStatuses.map((status, i) => [what, status, answers[i] as Answer, event, now] as const),
  );

  test.each(cases)('%s while %s: %s (D1, D2, D3)', (_what, status, answer, event, now) => {
    const tx = aTxIn(status);
    const decision = decide({ gid, tx }, deepFreeze(event), now);
    switch (decision.kind) {
      case 'accepted':
        expect(decision.next.status).toBe(answer);
        expect(decision.change).toEqual({ kind: 'decided' });
        expect(decision.next.decidedAt).toBe(now);
        expect(decision.next.finishedAt).toBeUndefined();
        return;
      case 'repeated':
        expect(answer).toBe('repeated');
        return expect(decision.current).toBe(tx);
      case 'rejected':
        expect(decision.error.code).toBe(answer);
        return expect(decision.error.details).toMatchObject({ gid, status });
    }
  });

  test.each([commit(one), rollback(), deadline])('an unknown gid is not found ($kind)', (event) => {
    const decision = decide({ gid, tx: undefined }, event, NOW);
    expect(decision).toMatchObject({ kind: 'rejected', error: { code: 'TRANSACTION_NOT_FOUND' } });
  });
});

describe('commit', () => {
  test('proves that every Try succeeded', () => {
    const next = accepted(decide({ gid, tx: aTxIn('trying') }, commit(one, two), NOW));
    expect(next.cause).toEqual({ kind: 'commit' });
    expect(next.branches.map((b) => [b.phaseOne, b.tryTold])).toEqual([
      ['done', true],
      ['done', true],
    ]);
  });

  test('may list a branch twice and in any order', () => {
    expect(accepted(decide({ gid, tx: aTxIn('trying') }, commit(two, one, two), NOW)).status).toBe(
      'confirming',
    );
  });

  test('names what is missing and what is foreign when the list is wrong', () => {
    const decision = decide({ gid, tx: aTxIn('trying') }, commit(two, three), NOW);
    const message =
      'Commit must list exactly the registered branches; ' +
      'registered but not listed: 1; listed but not registered: 3';
    expect(decision).toMatchObject({ error: { message } });
  });

  test.each([
    [[one], 'registered but not listed: 2'],
    [[one, two, three], 'listed but not registered: 3'],
  ])('a list of %j is told only what is wrong with it', (listed, what) => {
    const message = `Commit must list exactly the registered branches; ${what}`;
    expect(decide({ gid, tx: aTxIn('trying') }, commit(...listed), NOW)).toMatchObject({
      error: { message },
    });
  });

  test.each([
    [11, '1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 more'],
    [256, '1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 246 more'],
  ])('names ten of %i missing branches: the text travels in headers', (count, shown) => {
    const branches = Array.from({ length: count }, (_, i) =>
      aBranch({ spec: aBranchSpec({ id: `${i + 1}` as BranchId }) }),
    );
    const message = `Commit must list exactly the registered branches; registered but not listed: ${shown}`;
    expect(decide({ gid, tx: aTransaction({ branches }) }, commit(), NOW)).toMatchObject({
      error: { message },
    });
  });

  describe('its result, the value for attached runs', () => {
    const result = Uint8Array.of(4, 2);
    const withResult = { ...commit(one, two), result } as TransactionEvent;

    test.each([
      ['as given', result],
      ['empty bytes, which are a value too', new Uint8Array()],
      ['none', undefined],
    ])('is stored with the decision: %s', (_what, given) => {
      const event = { ...commit(one, two), result: given } as TransactionEvent;
      expect(decide({ gid, tx: aTxIn('trying') }, event, NOW)).toMatchObject({
        kind: 'accepted',
        change: { kind: 'decided', result: given },
      });
    });

    test('of a transaction without branches is stored too', () => {
      const event = { ...commit(), result } as TransactionEvent;
      const decision = decide({ gid, tx: aTransaction({ branches: [] }) }, event, NOW);
      expect(decision).toMatchObject({ change: { result }, next: { status: 'confirmed' } });
    });

    test('of a repeat is left out: the first one stays (I9)', () => {
      const tx = aTxIn('confirming');
      expect(decide({ gid, tx }, withResult, NOW)).toEqual({ kind: 'repeated', current: tx });
    });

    test.each([rollback(), { kind: 'deadline' } as const])('does not exist at $kind', (event) => {
      expect(decide({ gid, tx: aTxIn('trying') }, event, deadlineAt)).toMatchObject({
        change: { kind: 'decided', result: undefined },
      });
    });
  });

  test('says what stands in its way', () => {
    const message = 'cannot commit: transaction order-1 is cancelled';
    expect(decide({ gid, tx: aTxIn('cancelled') }, commit(one), NOW)).toMatchObject({
      error: { message },
    });
    const back = 'cannot roll back: transaction order-1 is confirming';
    expect(decide({ gid, tx: aTxIn('confirming') }, rollback(), NOW)).toMatchObject({
      error: { message: back },
    });
  });
});

describe('rollback', () => {
  test('keeps the reason and what was told of each Try', () => {
    const tries = {
      '1': 'done',
      '2': 'refused',
      '3': 'unknown',
      '4': 'not-sent',
      '9': 'done',
    } as const;
    const ids = ['1', '2', '3', '4', '5'] as BranchId[];
    const branches = ids.map((id) => aBranch({ spec: aBranchSpec({ id }) }));
    const next = accepted(
      decide({ gid, tx: deepFreeze(aTransaction({ branches })) }, rollback(tries), NOW),
    );
    expect(next.cause).toEqual({ kind: 'rollback', reason: 'no stock' });
    expect(next.branches.map((b) => [b.spec.id, b.phaseOne, b.tryTold])).toEqual([
      ['1', 'done', true],
      ['2', 'refused', true],
      ['3', 'unknown', true],
      ['4', 'none', true],
      ['5', 'none', false],
    ]);
  });

  test('shortens a reason that is too long to keep', () => {
    const long = rollback({}, 'x'.repeat(limits.textLengthMax + 1));
    const { cause } = accepted(decide({ gid, tx: aTxIn('trying') }, long, NOW));
    expect(cause).toEqual({ kind: 'rollback', reason: 'x'.repeat(limits.textLengthMax) });
  });
});

describe('the deadline', () => {
  test('cancels and tells nothing of the Tries', () => {
    const tx = aTxIn('trying');
    const next = accepted(decide({ gid, tx }, { kind: 'deadline' }, deadlineAt + 7));
    expect(next).toMatchObject({ cause: { kind: 'timeout' }, decidedAt: deadlineAt + 7 });
    expect(next.branches).toEqual(tx.branches);
  });
});

describe('a transaction without branches', () => {
  const empty = deepFreeze(aTransaction({ branches: [] }));
  test.each([
    ['commit', commit(), 'confirmed'],
    ['rollback', rollback(), 'cancelled'],
    ['deadline', { kind: 'deadline' } as const, 'cancelled'],
  ])(
    'ends with its decision (%s): one write, since nobody has to be called',
    (_kind, event, status) => {
      const decision = decide({ gid, tx: empty }, event, deadlineAt);
      expect(decision).toMatchObject({ kind: 'accepted', change: { kind: 'decided' } });
      const next = accepted(decision);
      expect(next).toMatchObject({ status, decidedAt: deadlineAt, finishedAt: deadlineAt });
      expect(decide({ gid, tx: next }, event, deadlineAt)).toEqual({
        kind: 'repeated',
        current: next,
      });
    },
  );
});
