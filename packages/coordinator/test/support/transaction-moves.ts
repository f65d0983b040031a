/** Transactions after the moves that the engine makes, and the operations that store them. */
import {
  type Branch,
  type BranchId,
  type Gid,
  type GlobalTransaction,
  type RunId,
  phaseTwoOf,
} from '@tercet/core';
import { aBranch, aBranchSpec, aTransaction } from '@tercet/core/testing';
import type { StoreOperation } from '../../src/store/store';

/** Times of the moves, Unix ms. */
export const times = {
  opened: 1_700_000_000_000,
  decided: 1_700_000_001_000,
  called: 1_700_000_002_000,
  resolved: 1_700_000_002_500,
  finished: 1_700_000_003_000,
} as const;

/** A run id that differs from the builders' one. */
export const anotherRun = 'f'.repeat(32) as RunId;

/** A transaction that is trying with `count` branches. */
export function trying(
  gid: string,
  count = 2,
  over: Partial<GlobalTransaction> = {},
): GlobalTransaction {
  const branches = Array.from({ length: count }, (_, i) => branchNumber(i + 1));
  return aTransaction({ gid: gid as Gid, branches, ...over });
}

/** A fresh branch with the id `number`. */
export function branchNumber(number: number): Branch {
  return aBranch({
    spec: aBranchSpec({ id: String(number) as BranchId, payload: Uint8Array.of(number, 0, 255) }),
  });
}

/** The transaction with `count` branches more. */
export function withMore(tx: GlobalTransaction, count = 1): GlobalTransaction {
  const added = Array.from({ length: count }, (_, i) => branchNumber(tx.branches.length + i + 1));
  return { ...tx, branches: [...tx.branches, ...added] };
}

/** After a commit was decided. */
export function confirming(tx: GlobalTransaction): GlobalTransaction {
  const branches = tx.branches.map((b): Branch => ({ ...b, phaseOne: 'done', tryTold: true }));
  return {
    ...tx,
    status: 'confirming',
    decidedAt: times.decided,
    cause: { kind: 'commit' },
    branches,
  };
}

/** After a rollback was decided that told each Try's end: the first was refused, the others are unknown. */
export function cancelling(tx: GlobalTransaction, reason = 'no stock'): GlobalTransaction {
  const branches = tx.branches.map((b, i): Branch => {
    return { ...b, phaseOne: i === 0 ? 'refused' : 'unknown', tryTold: i === 0 };
  });
  return {
    ...tx,
    status: 'cancelling',
    decidedAt: times.decided,
    cause: { kind: 'rollback', reason },
    branches,
  };
}

/** After a failed phase-two call of the branch `id`. */
export function attempted(tx: GlobalTransaction, id: string, message = 'away'): GlobalTransaction {
  return withBranch(tx, id, (branch) => ({
    ...branch,
    attempts: {
      count: branch.attempts.count + 1,
      streak: branch.attempts.streak + 1,
      firstAt: branch.attempts.firstAt ?? times.called,
      lastAt: times.called,
      nextAt: times.called + 200,
      lastFailure: { grpcCode: 14, message, peer: '10.0.0.7:50051' },
      stuckReason: 'unreachable',
    },
  }));
}

/** After the participant of the branch `id` refused for good: an operator is needed. */
export function parked(tx: GlobalTransaction, id: string): GlobalTransaction {
  return withBranch(attempted(tx, id, 'no'), id, (branch) => {
    const attempts = { ...branch.attempts, nextAt: undefined, stuckReason: 'rejected' as const };
    return { ...branch, parked: true, attempts };
  });
}

/** After an operator vouched for the end of the branch `id`. */
export function resolved(
  tx: GlobalTransaction,
  id: string,
  { by = 'ops', reason = 'asked the bank' } = {},
): GlobalTransaction {
  const asserted = phaseTwoOf[tx.status]?.branchEnd;
  if (asserted === undefined) throw new Error(`no phase two in ${tx.status}`);
  return withBranch(tx, id, (branch) => ({
    ...branch,
    status: asserted,
    parked: false,
    verdict: { asserted, by, at: times.resolved, reason },
    attempts: { ...branch.attempts, nextAt: undefined },
  }));
}

/** After every branch answered OK and phase two is over. */
export function finished(
  tx: GlobalTransaction,
  finishedAt: number = times.finished,
): GlobalTransaction {
  const open = phaseTwoOf[tx.status];
  if (open === undefined) throw new Error(`no phase two in ${tx.status}`);
  const branches = tx.branches.map((b): Branch => {
    const count = b.attempts.count + 1;
    const firstAt = b.attempts.firstAt ?? times.called;
    const streak = b.attempts.streak + 1;
    const attempts = { count, streak, firstAt, lastAt: times.called };
    const rest = { nextAt: undefined, lastFailure: undefined, stuckReason: undefined };
    return { ...b, status: open.branchEnd, parked: false, attempts: { ...attempts, ...rest } };
  });
  return { ...tx, status: open.end, finishedAt, branches };
}

/** The transaction with one branch changed. */
export function withBranch(
  tx: GlobalTransaction,
  id: string,
  change: (branch: Branch) => Branch,
): GlobalTransaction {
  return { ...tx, branches: tx.branches.map((b) => (b.spec.id === id ? change(b) : b)) };
}

/** The operation that creates `tx`. */
export function open(tx: GlobalTransaction): StoreOperation {
  return { kind: 'open', tx };
}

/** The operation that adds the branches of `tx` from place `before` on. */
export function extend(tx: GlobalTransaction, before: number): StoreOperation {
  return { kind: 'extend', tx, before };
}

/** The operation that stores the decision of `tx`. */
export function decide(tx: GlobalTransaction, result?: Uint8Array): StoreOperation {
  return { kind: 'decide', tx, result };
}

/** The operation that stores phase two of `tx`; default: nothing due by time. */
export function progress(tx: GlobalTransaction, nextAt?: number): StoreOperation {
  return { kind: 'progress', tx, nextAt };
}

/** The operation that takes `tx`, as it is in the row, over from `owner`. */
export function take({ gid, runId, epoch }: GlobalTransaction, owner: string): StoreOperation {
  return { kind: 'take', gid, runId, owner, epoch };
}

/** The operation that raises the epoch of a row. */
export function fence(tx: GlobalTransaction): StoreOperation {
  return { kind: 'fence', gid: tx.gid, epoch: tx.epoch };
}
