/** Rule D4 of decide.ts: what a tombstone answers. */
import { describe, expect, test } from '@jest/globals';
import { deepFreeze } from '../test/deep-freeze';
import { type TransactionEvent, decide } from './decide';
import { type GlobalTransaction, factReached, pendingBranches } from './global-transaction';
import type { BranchId, RunId } from './ids';
import { type OperatorEvent, operate } from './operate';
import { aBranchSpec, aTransaction, anOpening } from './testing';

const one = '1' as BranchId;
const two = '2' as BranchId;
const three = '3' as BranchId;
const stranger = 'f'.repeat(32) as RunId;
const { gid, runId, openedAt } = aTransaction();
const NOW = openedAt + 40 * 86_400_000;

function tombstone(status: 'confirmed' | 'cancelled'): GlobalTransaction {
  const cause = {
    confirmed: { kind: 'commit' },
    cancelled: { kind: 'rollback', reason: '' },
  } as const;
  return deepFreeze(
    aTransaction({
      status,
      cause: cause[status],
      decidedAt: openedAt + 1,
      finishedAt: openedAt + 2,
      branches: [],
      tombstone: { branches: 2, resultDigest: 'ab'.repeat(32) },
    }),
  );
}

const confirmed = tombstone('confirmed');
const cancelled = tombstone('cancelled');

function answerOf(tx: GlobalTransaction, event: TransactionEvent): string {
  const decision = decide({ gid, tx }, event, NOW);
  return decision.kind === 'rejected' ? decision.error.code : decision.kind;
}

function register(
  opening: Partial<ReturnType<typeof anOpening>> = {},
  run = runId,
): TransactionEvent {
  return { kind: 'register', runId: run, opening: anOpening(opening), branches: [aBranchSpec()] };
}

function commit(ids: readonly BranchId[], run = runId): TransactionEvent {
  return { kind: 'commit', runId: run, branchIds: ids, result: Uint8Array.of(1) };
}

function rollback(run = runId): TransactionEvent {
  return { kind: 'rollback', runId: run, reason: 'x', tries: new Map() };
}

describe('D4: a tombstone', () => {
  test('is settled, and nothing of it is pending', () => {
    expect(factReached(confirmed)).toBe('settled');
    expect(pendingBranches(confirmed)).toEqual([]);
  });

  test.each([
    ['the same registration', register()],
    ['one with labels and a policy that nobody can compare', register({ labels: { a: 'b' } })],
    [
      'a later one of the same run',
      { kind: 'register', runId, opening: undefined, branches: [aBranchSpec()] } as const,
    ],
  ])('tells the run that it is decided: %s', (_, event) => {
    const decision = decide({ gid, tx: cancelled }, event, NOW);
    expect(decision).toMatchObject({
      kind: 'rejected',
      error: { code: 'ALREADY_DECIDED', details: { gid, status: 'cancelled' } },
    });
  });

  test('keeps its gid from every other run, and from other work', () => {
    expect(answerOf(confirmed, register({}, stranger))).toBe('ANOTHER_RUN');
    expect(answerOf(confirmed, register({ name: 'refund' }))).toBe('GID_CONFLICT');
    expect(answerOf(confirmed, { ...register({}, stranger), opening: undefined } as never)).toBe(
      'WRONG_RUN',
    );
  });

  test('takes a repeated commit for a repeat, whatever its branches are called and its result is', () => {
    expect(answerOf(confirmed, commit([one, two]))).toBe('repeated');
    expect(answerOf(confirmed, commit([two, three, two]))).toBe('repeated');
  });

  test('finds the contradictions that it can: another number of branches, run or decision', () => {
    expect(answerOf(confirmed, commit([one]))).toBe('BRANCHES_MISMATCH');
    expect(decide({ gid, tx: confirmed }, commit([one, two, three]), NOW)).toMatchObject({
      error: { message: expect.stringContaining('2 were registered, 3 are listed') },
    });
    expect(answerOf(confirmed, commit([one, two], stranger))).toBe('WRONG_RUN');
    expect(answerOf(cancelled, commit([one, two]))).toBe('WRONG_STATUS');
    expect(answerOf(confirmed, rollback())).toBe('WRONG_STATUS');
    expect(answerOf(cancelled, rollback(stranger))).toBe('WRONG_RUN');
    expect(answerOf(cancelled, rollback())).toBe('repeated');
    expect(answerOf(cancelled, { kind: 'deadline' })).toBe('repeated');
  });

  test.each<OperatorEvent>([
    { kind: 'retry', branchIds: [] },
    { kind: 'retry', branchIds: [one] },
    { kind: 'resume', branchIds: [three] },
    { kind: 'resolve', branchId: one, asserted: 'confirmed', by: 'ops', reason: 'x' },
  ])('leaves nothing to do for an operator: %j', (event) => {
    expect(operate(confirmed, event, NOW)).toEqual({ kind: 'repeated', current: confirmed });
  });

  test('takes no verdict against the decision', () => {
    const event = { kind: 'resolve', branchId: one, asserted: 'cancelled' } as const;
    expect(operate(confirmed, { ...event, by: 'ops', reason: 'x' }, NOW)).toMatchObject({
      kind: 'rejected',
      error: { code: 'NOT_BUILT_YET' },
    });
  });
});
