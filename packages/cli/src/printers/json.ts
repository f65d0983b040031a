/**
 * The shapes of `--json`. They are a promise (README.md lists them): fields are added, never renamed or dropped.
 * Times are ISO 8601 in UTC; what is absent is null, so that every field is always there.
 */
import type {
  BranchView,
  StuckPage,
  TransactionPage,
  TransactionSummary,
  TransactionView,
} from '@tercet/sdk/operator';
import { formatTime } from '../age';
import { codeName } from './failure';
import { phaseOf } from './stuck';
import type { VerbReport } from './verbs';

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  readonly [field: string]: Json;
}

/** A value as text, two blanks a level. */
export function jsonText(value: Json): string {
  return JSON.stringify(value, null, 2);
}

/** `tercet tx list --json`. */
export function pageJson(page: TransactionPage): JsonObject {
  return {
    transactions: page.transactions.map(summaryJson),
    nextCursor: page.nextCursor ?? null,
  };
}

/** `tercet stuck --json`. */
export function stuckJson(page: StuckPage): JsonObject {
  return {
    branches: page.branches.map((row) => ({
      gid: row.gid,
      name: row.name,
      status: row.status,
      phase: phaseOf(row.status) ?? null,
      decidedAt: timeOrNull(row.decidedAt),
      branch: branchJson(row.branch),
    })),
    total: page.total,
    transactions: page.transactions,
    now: formatTime(page.now),
  };
}

/** `tercet tx get --json`. */
export function transactionJson(tx: TransactionView): JsonObject {
  return {
    gid: tx.gid,
    runId: tx.runId,
    name: tx.name,
    status: tx.status,
    reached: tx.reached ?? null,
    cause: tx.cause ?? null,
    reason: textOrNull(tx.reason),
    openedAt: formatTime(tx.openedAt),
    deadlineAt: formatTime(tx.deadlineAt),
    decidedAt: timeOrNull(tx.decidedAt),
    finishedAt: timeOrNull(tx.finishedAt),
    labels: { ...tx.labels },
    trace:
      tx.trace === undefined
        ? null
        : { traceparent: tx.trace.traceparent, tracestate: textOrNull(tx.trace.tracestate) },
    branches: tx.branches.map(branchJson),
    tombstone:
      tx.tombstone === undefined
        ? null
        : {
            branches: tx.tombstone.branches,
            resultSha256: tx.tombstone.resultDigest ?? null,
          },
  };
}

/** `tercet retry --json`, `resume` and `resolve`. */
export function verbJson({ verb, dryRun, changed, transaction }: VerbReport): JsonObject {
  return {
    verb,
    gid: transaction.gid,
    dryRun,
    changed: [...changed],
    transaction: transactionJson(transaction),
  };
}

function summaryJson(row: TransactionSummary): JsonObject {
  return {
    gid: row.gid,
    runId: row.runId,
    name: row.name,
    status: row.status,
    branches: row.branches,
    cause: row.cause ?? null,
    openedAt: formatTime(row.openedAt),
    decidedAt: timeOrNull(row.decidedAt),
    finishedAt: timeOrNull(row.finishedAt),
    tombstone: row.tombstone === true,
  };
}

function branchJson(branch: BranchView): JsonObject {
  const { methods, lastFailure: failure } = branch;
  return {
    branch: branch.branch,
    service: branch.service,
    action: branch.action,
    target: branch.target,
    methods: { forward: methods.forward, confirm: methods.confirm, cancel: methods.cancel },
    mode: branch.mode,
    driver: branch.driver,
    dialect: branch.dialect,
    phaseOne: branch.phaseOne,
    status: branch.status,
    notAfter: formatTime(branch.notAfter),
    attempts: branch.attempts,
    firstAt: timeOrNull(branch.firstAt),
    lastAt: timeOrNull(branch.lastAt),
    nextAt: timeOrNull(branch.nextAt),
    lastFailure:
      failure === undefined
        ? null
        : {
            code: codeName(failure.grpcCode),
            grpcCode: failure.grpcCode,
            message: failure.message,
            peer: failure.peer ?? null,
          },
    stuckReason: branch.stuckReason ?? null,
    parked: branch.parked,
    verdict: verdictJson(branch),
    waitsFor: branch.waitsFor ?? null,
  };
}

function verdictJson({ verdict }: BranchView): Json {
  if (verdict === undefined) return null;
  const { asserted, by, at, reason } = verdict;
  return { asserted, by, at: formatTime(at), reason };
}

function textOrNull(text: string): string | null {
  return text === '' ? null : text;
}

function timeOrNull(at: number | undefined): string | null {
  return at === undefined ? null : formatTime(at);
}
