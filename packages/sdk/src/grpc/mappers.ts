/** Generated messages ↔ the SDK's plain types. Generated types stop here. */
import {
  type BranchSpec,
  type Opening,
  TercetError,
  type Tombstone,
  type Verdict,
  parseBranchId,
  serviceOf,
} from '@tercet/core';
import type * as wire from '@tercet/proto';
import { wireEnums as enums } from '@tercet/runtime';
import type {
  CommitRequest,
  DecisionReply,
  RegisterReply,
  RegisterRequest,
  RollbackRequest,
  TransactionReply,
  WaitRequest,
} from '../coordinator/coordinator-transport';
import type { BranchView, TransactionView } from '../transaction-view';
import { wordOf, wordOrNone } from './words';

/** RegisterBranches, there. */
export function registerRequest(request: RegisterRequest): wire.RegisterBranchesRequest {
  const { gid, runId, opening, branches } = request;
  const open = opening === undefined ? undefined : openingToWire(opening);
  return { gid, runId, open, branches: branches.map(branchToWire) };
}

/** RegisterBranches, back. */
export function registerReply(response: wire.RegisterBranchesResponse): RegisterReply {
  return {
    status: wordOf(enums.transactionStatus, response.status),
    remainingMs: response.remainingMs,
    branches: response.branches.map((branch) => ({
      id: parseBranchId(branch.branchId),
      notAfter: Number(branch.notAfterUnixMs),
    })),
  };
}

/** Commit, there. */
export function commitRequest(request: CommitRequest): wire.CommitRequest {
  return {
    gid: request.gid,
    runId: request.runId,
    branchIds: [...request.branchIds],
    result: request.result && bufferOf(request.result),
    waitFor: enums.fact.toWire(request.waitFor),
    waitMs: request.waitMs,
  };
}

/** Rollback, there. */
export function rollbackRequest(request: RollbackRequest): wire.RollbackRequest {
  return {
    gid: request.gid,
    runId: request.runId,
    reason: request.reason,
    tries: [...request.tries].map(([branchId, outcome]) => ({
      branchId,
      outcome: enums.tryOutcome.toWire(outcome),
    })),
    waitFor: enums.fact.toWire(request.waitFor),
    waitMs: request.waitMs,
  };
}

/** Commit and Rollback, back. */
export function decisionReply(
  response: wire.CommitResponse | wire.RollbackResponse,
): DecisionReply {
  return {
    status: wordOf(enums.transactionStatus, response.status),
    reached: wordOrNone(enums.fact, response.reached),
    pending: response.pending.map(branchView),
  };
}

/** WaitTransaction, there. */
export function waitRequest(request: WaitRequest): wire.WaitTransactionRequest {
  return {
    gid: request.gid,
    waitFor: enums.fact.toWire(request.waitFor),
    waitMs: request.waitMs,
    withResult: request.withResult,
  };
}

/** GetTransaction and WaitTransaction, back. */
export function transactionReply(
  response: wire.GetTransactionResponse | wire.WaitTransactionResponse,
): TransactionReply {
  return { transaction: transactionView(response.transaction), result: response.result };
}

/** A transaction in any answer. Throws INTERNAL where it is missing. */
export function transactionView(tx: wire.Transaction | undefined): TransactionView {
  if (tx === undefined) {
    throw new TercetError('INTERNAL', { message: 'the coordinator’s answer holds no transaction' });
  }
  return {
    gid: tx.gid,
    runId: tx.runId,
    name: tx.name,
    status: wordOf(enums.transactionStatus, tx.status),
    reached: wordOrNone(enums.fact, tx.reached),
    labels: tx.labels,
    trace: tx.traceContext,
    openedAt: Number(tx.openedUnixMs),
    deadlineAt: Number(tx.deadlineUnixMs),
    decidedAt: timeOf(tx.decidedUnixMs),
    finishedAt: timeOf(tx.finishedUnixMs),
    cause: wordOrNone(enums.decisionCause, tx.cause),
    reason: tx.reason,
    branches: tx.branches.map(branchView),
    ...(tx.tombstone !== undefined && { tombstone: tombstoneOf(tx.tombstone) }),
  };
}

function tombstoneOf({ branches, resultSha256 }: wire.Tombstone): Tombstone {
  return { branches, resultDigest: resultSha256 === '' ? undefined : resultSha256 };
}

/** A branch in any answer. */
export function branchView(branch: wire.BranchState): BranchView {
  const { lastFailure } = branch;
  return {
    branch: parseBranchId(branch.branchId),
    action: branch.action,
    service: serviceOf(branch.forwardMethod),
    target: branch.target,
    methods: {
      forward: branch.forwardMethod,
      confirm: branch.confirmMethod,
      cancel: branch.cancelMethod,
    },
    mode: wordOf(enums.branchMode, branch.mode),
    driver: wordOf(enums.branchDriver, branch.driver),
    dialect: wordOf(enums.dialect, branch.dialect),
    phaseOne: wordOrNone(enums.phaseOneStatus, branch.phaseOne) ?? 'none',
    status: wordOf(enums.branchStatus, branch.status),
    notAfter: Number(branch.notAfterUnixMs),
    attempts: branch.attempts,
    firstAt: timeOf(branch.firstAttemptUnixMs),
    lastAt: timeOf(branch.lastAttemptUnixMs),
    nextAt: timeOf(branch.nextAttemptUnixMs),
    lastFailure: lastFailure && { ...lastFailure, peer: lastFailure.peer || undefined },
    stuckReason: wordOrNone(enums.stuckReason, branch.stuckReason),
    parked: branch.parked,
    verdict: branch.verdict && verdictOf(branch.verdict),
    waitsFor: branch.waitsFor === '' ? undefined : parseBranchId(branch.waitsFor),
  };
}

function verdictOf({ asserted, by, atUnixMs, reason }: wire.Verdict): Verdict {
  return { asserted: wordOf(enums.assertedStatus, asserted), by, at: Number(atUnixMs), reason };
}

/** A time on the wire; 0 = none. */
export function timeOf(unixMs: bigint): number | undefined {
  return unixMs === 0n ? undefined : Number(unixMs);
}

function openingToWire(opening: Opening): wire.Opening {
  return {
    name: opening.name,
    timeoutMs: opening.timeoutMs,
    policy: {
      onTimeout: enums.onTimeout.toWire(opening.policy.onTimeout),
      phaseTwoOrder: enums.phaseTwoOrder.toWire(opening.policy.phaseTwoOrder),
      askTarget: '',
    },
    labels: { ...opening.labels },
    traceContext: opening.trace,
  };
}

function branchToWire(spec: BranchSpec): wire.Branch {
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
    payload: bufferOf(spec.payload),
    confirmPayload: spec.confirmPayload && bufferOf(spec.confirmPayload),
    cancelPayload: spec.cancelPayload && bufferOf(spec.cancelPayload),
    after: [...spec.after],
    forwardDeadlineMs: spec.deadlines.forwardMs,
    confirmDeadlineMs: spec.deadlines.confirmMs,
    cancelDeadlineMs: spec.deadlines.cancelMs,
    retry: { firstDelayMs: spec.retry.firstDelayMs, maxDelayMs: spec.retry.maxDelayMs },
    stuckAfterMs: spec.stuckAfterMs,
    barrier: spec.barrier,
    stuckAttempts: spec.stuckAttempts,
    parkPermanentErrors: spec.parkPermanentErrors,
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
