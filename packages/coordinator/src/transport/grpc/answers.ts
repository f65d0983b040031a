/** Core values → wire answers. Payloads are never among them. */
import {
  type Branch,
  type GlobalTransaction,
  dueAt,
  factReached,
  openSince,
  pendingBranches,
  stuckReasonAt,
  waitsFor,
} from '@tercet/core';
import * as wire from '@tercet/proto';
import { wireEnums as enums } from '@tercet/runtime';
import type { OperatorAnswer, StuckAnswer } from '../../service/operator-service';
import type { Found, RegisterAnswer } from '../../service/transaction-service';
import type { TransactionPage, TransactionSummary } from '../../store/store';

/** What is relative in an answer is relative to this. */
export interface Moment {
  /** The coordinator's clock, Unix ms. */
  readonly now: number;
  /** Greatest difference of clocks that a first Cancel outwaits, milliseconds. */
  readonly clockSkewMs: number;
}

/** RegisterBranches. */
export function registerAnswer(answer: RegisterAnswer): wire.RegisterBranchesResponse {
  return {
    status: enums.transactionStatus.toWire(answer.tx.status),
    remainingMs: answer.remainingMs,
    branches: answer.registered.map(({ id, notAfter }) => ({
      branchId: id,
      notAfterUnixMs: BigInt(notAfter),
    })),
  };
}

/** Commit and Rollback: the decision, and who has not carried it out yet. */
export function decisionAnswer(
  tx: GlobalTransaction,
  at: Moment,
): wire.CommitResponse & wire.RollbackResponse {
  return {
    status: enums.transactionStatus.toWire(tx.status),
    reached: reachedOf(tx),
    pending: pendingBranches(tx).map((branch) => branchState(tx, branch, at)),
  };
}

/** GetTransaction and WaitTransaction. */
export function found(
  { tx, result }: Found,
  at: Moment,
): wire.GetTransactionResponse & wire.WaitTransactionResponse {
  return {
    transaction: transaction(tx, at),
    result: result === undefined ? undefined : Buffer.from(result),
  };
}

/** RetryBranches and ResumeBranches. */
export function branchesAnswer(
  { tx, changed }: OperatorAnswer,
  at: Moment,
): wire.RetryBranchesResponse & wire.ResumeBranchesResponse {
  return { transaction: transaction(tx, at), changedBranchIds: [...changed] };
}

/** ResolveBranch. */
export function resolveAnswer(
  { tx, changed }: OperatorAnswer,
  at: Moment,
): wire.ResolveBranchResponse {
  return { transaction: transaction(tx, at), recorded: changed.length > 0 };
}

/** A whole transaction. */
export function transaction(tx: GlobalTransaction, at: Moment): wire.Transaction {
  return {
    gid: tx.gid,
    runId: tx.runId,
    name: tx.name,
    status: enums.transactionStatus.toWire(tx.status),
    reached: reachedOf(tx),
    policy: {
      onTimeout: enums.onTimeout.toWire(tx.policy.onTimeout),
      phaseTwoOrder: enums.phaseTwoOrder.toWire(tx.policy.phaseTwoOrder),
      askTarget: '',
    },
    labels: { ...tx.labels },
    traceContext: tx.trace,
    openedUnixMs: BigInt(tx.openedAt),
    deadlineUnixMs: BigInt(tx.deadlineAt),
    decidedUnixMs: unixMs(tx.decidedAt),
    finishedUnixMs: unixMs(tx.finishedAt),
    cause: causeOf(tx.cause?.kind),
    reason: tx.cause?.kind === 'rollback' ? tx.cause.reason : '',
    branches: tx.branches.map((branch) => branchState(tx, branch, at)),
    tombstone: tx.tombstone && {
      branches: tx.tombstone.branches,
      resultSha256: tx.tombstone.resultDigest ?? '',
    },
  };
}

/** A page of a list. */
export function page(answer: TransactionPage): wire.ListTransactionsResponse {
  return {
    transactions: answer.transactions.map(summary),
    nextCursor: answer.nextCursor ?? '',
  };
}

/** The stuck list. */
export function stuck(answer: StuckAnswer, at: Moment): wire.ListStuckBranchesResponse {
  return {
    branches: answer.rows.map(({ tx, branch }) => ({
      gid: tx.gid,
      name: tx.name,
      status: enums.transactionStatus.toWire(tx.status),
      decidedUnixMs: unixMs(tx.decidedAt),
      branch: branchState(tx, branch, at),
    })),
    total: answer.total,
    transactions: answer.transactions,
    nowUnixMs: BigInt(answer.now),
  };
}

function summary(row: TransactionSummary): wire.TransactionSummary {
  return {
    gid: row.gid,
    runId: row.runId,
    name: row.name,
    status: enums.transactionStatus.toWire(row.status),
    branches: row.branches,
    openedUnixMs: BigInt(row.openedAt),
    decidedUnixMs: unixMs(row.decidedAt),
    finishedUnixMs: unixMs(row.finishedAt),
    cause: causeOf(row.cause),
    tombstone: row.tombstone,
  };
}

function branchState(tx: GlobalTransaction, branch: Branch, at: Moment): wire.BranchState {
  const { spec, attempts } = branch;
  const since = openSince(tx, branch, at.clockSkewMs);
  const reason = stuckReasonAt(branch, since, at.now);
  return {
    branchId: spec.id,
    action: spec.action,
    mode: enums.branchMode.toWire(spec.mode),
    driver: enums.branchDriver.toWire(spec.driver),
    dialect: enums.dialect.toWire(spec.dialect),
    target: spec.target,
    forwardMethod: spec.methods.forward,
    confirmMethod: spec.methods.confirm,
    cancelMethod: spec.methods.cancel,
    after: [...spec.after],
    phaseOne: enums.phaseOneStatus.toWire(branch.phaseOne),
    status: enums.branchStatus.toWire(branch.status),
    notAfterUnixMs: BigInt(branch.notAfter),
    attempts: attempts.count,
    firstAttemptUnixMs: unixMs(attempts.firstAt),
    lastAttemptUnixMs: unixMs(attempts.lastAt),
    nextAttemptUnixMs: unixMs(dueAt(tx, branch, at.clockSkewMs)),
    lastFailure: failureOf(branch),
    stuckReason:
      reason === undefined
        ? wire.StuckReason.STUCK_REASON_UNSPECIFIED
        : enums.stuckReason.toWire(reason),
    parked: branch.parked,
    verdict: verdictOf(branch),
    waitsFor: waiting(tx, branch),
  };
}

function verdictOf({ verdict }: Branch): wire.Verdict | undefined {
  if (verdict === undefined) return undefined;
  const { asserted, by, at, reason } = verdict;
  return { asserted: enums.assertedStatus.toWire(asserted), by, atUnixMs: BigInt(at), reason };
}

/** Before the decision nobody is about to be called, and after its own end nobody waits. */
function waiting(tx: GlobalTransaction, branch: Branch): string {
  if (tx.decidedAt === undefined || branch.status !== 'registered') return '';
  return waitsFor(tx, branch)?.spec.id ?? '';
}

function failureOf({ attempts }: Branch): wire.AttemptFailure | undefined {
  const failure = attempts.lastFailure;
  if (failure === undefined) return undefined;
  return { grpcCode: failure.grpcCode, message: failure.message, peer: failure.peer ?? '' };
}

function reachedOf(tx: GlobalTransaction): wire.Fact {
  const reached = factReached(tx);
  return reached === undefined ? wire.Fact.FACT_UNSPECIFIED : enums.fact.toWire(reached);
}

function causeOf(kind: 'commit' | 'rollback' | 'timeout' | undefined): wire.DecisionCause {
  return kind === undefined
    ? wire.DecisionCause.DECISION_CAUSE_UNSPECIFIED
    : enums.decisionCause.toWire(kind);
}

function unixMs(at: number | undefined): bigint {
  return BigInt(at ?? 0);
}
