/** Rows of the database ↔ the transactions of core. Column names end here. */
import {
  type Attempts,
  type Branch,
  type BranchId,
  type DecisionCause,
  type GlobalTransaction,
  type Gid,
  type RunId,
  type Verdict,
  isFinished,
} from '@tercet/core';
import {
  type BranchPayloads,
  type DuePosition,
  type RowFacts,
  StoreFailure,
  type TransactionSummary,
} from '../store';
import {
  type BranchRow,
  type DueRow,
  type FactsRow,
  type LoadedRows,
  type PayloadsRow,
  ROW_FORMAT,
  type TransactionRow,
  type progressColumnNames,
} from './columns';

/** The row of a transaction that is created by `owner`. `tx` is in its stored form. */
export function transactionRow(tx: GlobalTransaction, owner: string): TransactionRow {
  const finished = isFinished(tx.status);
  return {
    gid: tx.gid,
    run_id: tx.runId,
    name: tx.name,
    status: tx.status,
    on_timeout: tx.policy.onTimeout,
    phase_two_order: tx.policy.phaseTwoOrder,
    traceparent: tx.trace?.traceparent ?? null,
    tracestate: tx.trace?.tracestate ?? null,
    opened_at: tx.openedAt,
    deadline_at: tx.deadlineAt,
    decided_at: tx.decidedAt ?? null,
    finished_at: tx.finishedAt ?? null,
    cause: tx.cause?.kind ?? null,
    reason: tx.cause?.kind === 'rollback' ? tx.cause.reason : null,
    owner,
    epoch: tx.epoch,
    open_owner: finished ? null : owner,
    next_at: finished ? null : tx.deadlineAt,
    branches: tx.branches.length,
    format: ROW_FORMAT,
  };
}

/** The row of a branch at place `ordinal`. `branch` is in its stored form. */
export function branchRow(gid: Gid, ordinal: number, branch: Branch): BranchRow {
  const { spec } = branch;
  return {
    gid,
    branch_id: spec.id,
    ordinal,
    action: spec.action,
    mode: spec.mode,
    driver: spec.driver,
    dialect: spec.dialect,
    target: spec.target,
    forward_method: spec.methods.forward,
    confirm_method: spec.methods.confirm,
    cancel_method: spec.methods.cancel,
    payload: spec.payload,
    confirm_payload: spec.confirmPayload ?? null,
    cancel_payload: spec.cancelPayload ?? null,
    after: JSON.stringify(spec.after),
    forward_deadline_ms: spec.deadlines.forwardMs,
    confirm_deadline_ms: spec.deadlines.confirmMs,
    cancel_deadline_ms: spec.deadlines.cancelMs,
    retry_first_ms: spec.retry.firstDelayMs,
    retry_max_ms: spec.retry.maxDelayMs,
    stuck_after_ms: spec.stuckAfterMs,
    stuck_attempts: spec.stuckAttempts,
    park_permanent: Number(spec.parkPermanentErrors),
    barrier: Number(spec.barrier),
    phase_one: branch.phaseOne,
    try_told: Number(branch.tryTold),
    not_after: branch.notAfter,
    ...progressColumns(branch),
  };
}

/** The columns of a branch that phase two and operators write. `branch` is in its stored form. */
export function progressColumns(branch: Branch): Pick<BranchRow, ProgressColumn> {
  const { count, streak, firstAt, lastAt, nextAt, lastFailure, stuckReason } = branch.attempts;
  return {
    status: branch.status,
    attempts: count,
    streak,
    first_attempt_at: firstAt ?? null,
    last_attempt_at: lastAt ?? null,
    next_attempt_at: nextAt ?? null,
    failure_code: lastFailure?.grpcCode ?? null,
    failure_message: lastFailure?.message ?? null,
    failure_peer: lastFailure?.peer ?? null,
    stuck_reason: stuckReason ?? null,
    parked: Number(branch.parked),
    ...verdictColumns(branch.verdict),
  };
}

/** A part of a verdict that is missing is passed on as it is, so that it is refused like any wrong value. */
function verdictColumns(verdict: Verdict | undefined): Pick<BranchRow, VerdictColumn> {
  if (verdict === undefined) {
    return { verdict: null, verdict_by: null, verdict_at: null, verdict_reason: null };
  }
  const { asserted, by, at, reason } = verdict;
  return { verdict: asserted, verdict_by: by, verdict_at: at, verdict_reason: reason };
}

type ProgressColumn = (typeof progressColumnNames)[number];
type VerdictColumn = 'verdict' | 'verdict_by' | 'verdict_at' | 'verdict_reason';

/** The transaction that rows hold. A row of a newer format is `unavailable`: this version cannot read it. */
export function transactionOf(rows: LoadedRows): GlobalTransaction {
  const row = rows.transaction as TransactionRow;
  if (row.format > ROW_FORMAT) {
    const message = `transaction ${row.gid} has format ${row.format}, this version reads ${ROW_FORMAT}`;
    throw new StoreFailure('unavailable', message);
  }
  const labels = rows.labels as readonly { readonly name: string; readonly value: string }[];
  const { traceparent, tracestate } = row;
  return {
    gid: row.gid as Gid,
    runId: row.run_id as RunId,
    name: row.name,
    policy: { onTimeout: row.on_timeout, phaseTwoOrder: row.phase_two_order },
    labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
    trace: traceparent === null || tracestate === null ? undefined : { traceparent, tracestate },
    status: row.status,
    openedAt: row.opened_at,
    deadlineAt: row.deadline_at,
    decidedAt: row.decided_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    cause: causeOf(row),
    epoch: row.epoch,
    branches: rows.branches.map((branch) => branchOf(branch as BranchRow)),
  };
}

function causeOf({ cause, reason }: TransactionRow): DecisionCause | undefined {
  if (cause === null) return undefined;
  return cause === 'rollback' ? { kind: cause, reason: reason ?? '' } : { kind: cause };
}

function branchOf(row: BranchRow): Branch {
  return {
    spec: {
      id: row.branch_id as BranchId,
      action: row.action,
      mode: row.mode,
      driver: row.driver,
      dialect: row.dialect,
      target: row.target,
      methods: {
        forward: row.forward_method,
        confirm: row.confirm_method,
        cancel: row.cancel_method,
      },
      payload: row.payload,
      confirmPayload: row.confirm_payload ?? undefined,
      cancelPayload: row.cancel_payload ?? undefined,
      after: JSON.parse(row.after) as BranchId[],
      deadlines: {
        forwardMs: row.forward_deadline_ms,
        confirmMs: row.confirm_deadline_ms,
        cancelMs: row.cancel_deadline_ms,
      },
      retry: { firstDelayMs: row.retry_first_ms, maxDelayMs: row.retry_max_ms },
      stuckAfterMs: row.stuck_after_ms,
      stuckAttempts: row.stuck_attempts,
      parkPermanentErrors: row.park_permanent === 1,
      barrier: row.barrier === 1,
    },
    status: row.status,
    phaseOne: row.phase_one,
    tryTold: row.try_told === 1,
    notAfter: row.not_after,
    attempts: attemptsOf(row),
    parked: row.parked === 1,
    verdict: verdictOf(row),
  };
}

function attemptsOf(row: BranchRow): Attempts {
  const { failure_code: code, failure_message: message, failure_peer: peer } = row;
  return {
    count: row.attempts,
    streak: row.streak,
    firstAt: row.first_attempt_at ?? undefined,
    lastAt: row.last_attempt_at ?? undefined,
    nextAt: row.next_attempt_at ?? undefined,
    lastFailure:
      code === null
        ? undefined
        : { grpcCode: code, message: message ?? '', peer: peer ?? undefined },
    stuckReason: row.stuck_reason ?? undefined,
  };
}

function verdictOf(row: BranchRow): Verdict | undefined {
  const { verdict: asserted, verdict_by: by, verdict_at: at, verdict_reason: reason } = row;
  if (asserted === null) return undefined;
  return { asserted, by: by ?? '', at: at ?? 0, reason: reason ?? '' };
}

/** What one branch sends. */
export function payloadsOf(row: PayloadsRow): BranchPayloads {
  return {
    payload: row.payload,
    confirmPayload: row.confirm_payload ?? undefined,
    cancelPayload: row.cancel_payload ?? undefined,
  };
}

/** A place in the order of due times. */
export function duePositionOf({ gid, next_at }: DueRow): DuePosition {
  return { nextAt: next_at, gid: gid as Gid };
}

/** Columns of a list. */
export const summaryColumns = [
  'gid',
  'run_id',
  'name',
  'status',
  'branches',
  'opened_at',
  'decided_at',
  'finished_at',
  'cause',
] as const satisfies readonly (keyof TransactionRow)[];

/** A row of a list. */
export function summaryOf(row: unknown): TransactionSummary {
  const columns = row as Pick<TransactionRow, (typeof summaryColumns)[number]>;
  return {
    gid: columns.gid as Gid,
    runId: columns.run_id as RunId,
    name: columns.name,
    status: columns.status,
    branches: columns.branches,
    openedAt: columns.opened_at,
    decidedAt: columns.decided_at ?? undefined,
    finishedAt: columns.finished_at ?? undefined,
    cause: columns.cause ?? undefined,
  };
}

/** What a row says. */
export function factsOf(row: FactsRow): RowFacts {
  const { owner, epoch, run_id, status, branches } = row;
  return { owner, epoch, runId: run_id as RunId, status, branches };
}
