/** Wire requests → typed requests of the service layer. Fills the contract's defaults, refuses unknown values. */
import {
  type BranchId,
  type BranchSpec,
  CALL_DEADLINE_MS_DEFAULT,
  type Fact,
  type Opening,
  STUCK_AFTER_MS_DEFAULT,
  STUCK_ATTEMPTS_DEFAULT,
  type TransactionPolicy,
  type TryOutcome,
  defaultRetryPolicy,
  limits,
  parseBranchId,
  parseGid,
  parseRunId,
} from '@tercet/core';
import type * as wire from '@tercet/proto';
import { wireEnums as enums } from '@tercet/runtime';
import type {
  CommitRequest,
  RegisterRequest,
  RollbackRequest,
  WaitRequest,
  WaitWish,
} from '../../service/transaction-service';
import type { ListQuery } from '../../store/store';
import type { BranchesRequest, ResolveRequest, StuckQuery } from '../../service/operator-service';
import { notBuilt } from '../../service/validation';
import { requestedWord } from './words';

/** RegisterBranches. */
export function registerRequest(request: wire.RegisterBranchesRequest): RegisterRequest {
  return {
    gid: parseGid(request.gid),
    runId: parseRunId(request.runId),
    opening: request.open === undefined ? undefined : opening(request.open),
    branches: request.branches.map((branch, i) => branchSpec(branch, `branches[${i}]`)),
  };
}

/** Commit. */
export function commitRequest(request: wire.CommitRequest): CommitRequest {
  return {
    gid: parseGid(request.gid),
    runId: parseRunId(request.runId),
    branchIds: request.branchIds.map((id, i) => parseBranchId(id, `branch_ids[${i}]`)),
    result: request.result,
    wait: waitWish(request),
  };
}

/** Rollback. */
export function rollbackRequest(request: wire.RollbackRequest): RollbackRequest {
  const tries = new Map<BranchId, TryOutcome>();
  request.tries.forEach((told, i) => {
    tries.set(
      parseBranchId(told.branchId, `tries[${i}].branch_id`),
      requestedWord(enums.tryOutcome, told.outcome, { field: `tries[${i}].outcome` }),
    );
  });
  return {
    gid: parseGid(request.gid),
    runId: parseRunId(request.runId),
    reason: request.reason,
    tries,
    wait: waitWish(request),
  };
}

/** The wait of Commit and Rollback; unspecified = do not wait. */
function waitWish(request: { readonly waitFor: wire.Fact; readonly waitMs: number }): WaitWish {
  const fact = (request.waitFor as number) === 0 ? undefined : waitedFact(request.waitFor);
  return { fact, waitMs: request.waitMs };
}

/** WaitTransaction; the fact must be set. */
export function waitRequest(request: wire.WaitTransactionRequest): WaitRequest {
  const { waitMs, withResult } = request;
  return { gid: parseGid(request.gid), fact: waitedFact(request.waitFor), waitMs, withResult };
}

function waitedFact(fact: wire.Fact): Fact {
  return requestedWord(enums.fact, fact, { field: 'wait_for' });
}

/** ListTransactions. */
export function listQuery(request: wire.ListTransactionsRequest): ListQuery {
  return {
    statuses: request.statuses.map((status, i) =>
      requestedWord(enums.transactionStatus, status, { field: `statuses[${i}]` }),
    ),
    name: request.name || undefined,
    gidPrefix: request.gidPrefix || undefined,
    limit: request.limit ?? 50,
    cursor: request.cursor || undefined,
  };
}

/** ListStuckBranches. */
export function stuckQuery(request: wire.ListStuckBranchesRequest): StuckQuery {
  const all = (request.reason as number) === 0;
  return {
    service: request.service || undefined,
    action: request.action || undefined,
    reason: all ? undefined : requestedWord(enums.stuckReason, request.reason, { field: 'reason' }),
    limit: request.limit ?? 100,
  };
}

/** RetryBranches and ResumeBranches. */
export function branchesRequest(
  request: wire.RetryBranchesRequest | wire.ResumeBranchesRequest,
): BranchesRequest {
  return {
    gid: parseGid(request.gid),
    branchIds: request.branchIds.map((id, i) => parseBranchId(id, `branch_ids[${i}]`)),
  };
}

/** ResolveBranch. */
export function resolveRequest(request: wire.ResolveBranchRequest): ResolveRequest {
  return {
    gid: parseGid(request.gid),
    branchId: parseBranchId(request.branchId),
    asserted: requestedWord(enums.assertedStatus, request.as, { field: 'as' }),
    reason: request.reason,
    by: request.by,
  };
}

function opening(open: wire.Opening): Opening {
  return {
    name: open.name,
    timeoutMs: open.timeoutMs ?? limits.timeoutMsDefault,
    policy: policy(open.policy),
    labels: open.labels,
    trace: open.traceContext === undefined ? undefined : { ...open.traceContext },
  };
}

function policy(given: wire.TransactionPolicy | undefined): TransactionPolicy {
  if (given?.askTarget) throw notBuilt('open.policy.ask_target', 'check-back');
  return {
    onTimeout: requestedWord(enums.onTimeout, given?.onTimeout ?? 0, {
      field: 'open.policy.on_timeout',
      unspecified: 'cancel',
    }),
    phaseTwoOrder: requestedWord(enums.phaseTwoOrder, given?.phaseTwoOrder ?? 0, {
      field: 'open.policy.phase_two_order',
      unspecified: 'all',
    }),
  };
}

function branchSpec(branch: wire.Branch, at: string): BranchSpec {
  return {
    id: parseBranchId(branch.branchId, `${at}.branch_id`),
    action: branch.action,
    mode: requestedWord(enums.branchMode, branch.mode, { field: `${at}.mode`, unspecified: 'tcc' }),
    driver: requestedWord(enums.branchDriver, branch.driver, {
      field: `${at}.driver`,
      unspecified: 'initiator',
    }),
    dialect: requestedWord(enums.dialect, branch.dialect, {
      field: `${at}.dialect`,
      unspecified: 'tercet',
    }),
    target: branch.target,
    methods: {
      forward: branch.forwardMethod,
      confirm: branch.confirmMethod,
      cancel: branch.cancelMethod,
    },
    payload: branch.payload,
    confirmPayload: branch.confirmPayload,
    cancelPayload: branch.cancelPayload,
    after: noOrder(branch.after, `${at}.after`),
    deadlines: {
      forwardMs: branch.forwardDeadlineMs ?? CALL_DEADLINE_MS_DEFAULT,
      confirmMs: branch.confirmDeadlineMs ?? CALL_DEADLINE_MS_DEFAULT,
      cancelMs: branch.cancelDeadlineMs ?? CALL_DEADLINE_MS_DEFAULT,
    },
    retry: {
      firstDelayMs: branch.retry?.firstDelayMs ?? defaultRetryPolicy.firstDelayMs,
      maxDelayMs: branch.retry?.maxDelayMs ?? defaultRetryPolicy.maxDelayMs,
    },
    stuckAfterMs: branch.stuckAfterMs ?? STUCK_AFTER_MS_DEFAULT,
    stuckAttempts: branch.stuckAttempts ?? STUCK_ATTEMPTS_DEFAULT,
    parkPermanentErrors: branch.parkPermanentErrors,
    barrier: branch.barrier,
  };
}

/** Refused before its ids are looked at: mending them would not help. */
function noOrder(after: readonly string[], field: string): readonly BranchId[] {
  if (after.length > 0) throw notBuilt(field, 'an order between branches');
  return [];
}
