/** Operator service and health check over unary gRPC. */
import { type BranchId, CallSignalSource, type Gid, parseBranchId } from '@tercet/core';
import {
  type ListStuckBranchesResponse,
  type ListTransactionsResponse,
  OperatorService,
  type ResolveBranchResponse,
  type RetryBranchesResponse,
  StuckReason,
  type TransactionSummary as WireSummary,
  type StuckBranch as WireStuckBranch,
} from '@tercet/proto';
import { UnaryChannel, wireEnums as enums } from '@tercet/runtime';
import type { Answer, CallBounds } from '../coordinator/coordinator-transport';
import type {
  BranchesChanged,
  Health,
  ListFilter,
  ResolveOptions,
  Resolved,
  StuckBranch,
  StuckFilter,
  StuckPage,
  TransactionPage,
  TransactionSummary,
} from '../operator-views';
import type { TransactionView } from '../transaction-view';
import { callCoordinator } from './call-coordinator';
import type { GrpcCredentials } from './credentials';
import { branchView, timeOf, transactionView } from './mappers';
import { healthCheck } from './health-codec';
import { wordOf, wordOrNone } from './words';

/** Branches of one transaction; none named = all that the verb is for. */
export interface BranchesRequest {
  readonly gid: Gid;
  readonly branchIds: readonly BranchId[];
}

/** A verdict on a branch. */
export interface ResolveRequest extends ResolveOptions {
  readonly gid: Gid;
  readonly branchId: BranchId;
}

/** The operator's calls over one gRPC channel. No call rejects. */
export class GrpcOperatorTransport {
  readonly channel: UnaryChannel;
  private readonly bounds: CallBounds;

  constructor(
    readonly address: string,
    options: { readonly credentials: GrpcCredentials | undefined; readonly deadlineMs: number },
  ) {
    this.channel = new UnaryChannel(address, { credentials: options.credentials });
    this.bounds = { deadlineMs: options.deadlineMs, signal: new CallSignalSource() };
  }

  list(filter: ListFilter): Promise<Answer<TransactionPage>> {
    const request = {
      statuses: (filter.statuses ?? []).map((status) => enums.transactionStatus.toWire(status)),
      name: filter.name ?? '',
      gidPrefix: filter.gidPrefix ?? '',
      limit: filter.limit,
      cursor: filter.cursor ?? '',
    };
    const method = OperatorService.listTransactions;
    return callCoordinator(this, { method, request, read: pageOf }, this.bounds);
  }

  get(gid: Gid): Promise<Answer<TransactionView>> {
    const method = OperatorService.describeTransaction;
    const call = {
      method,
      request: { gid },
      read: (response: Described) => transactionView(response.transaction),
    };
    return callCoordinator(this, call, this.bounds);
  }

  stuck(filter: StuckFilter): Promise<Answer<StuckPage>> {
    const { service = '', action = '', reason, limit } = filter;
    const wireReason =
      reason === undefined
        ? StuckReason.STUCK_REASON_UNSPECIFIED
        : enums.stuckReason.toWire(reason);
    const request = { service, action, reason: wireReason, limit };
    const method = OperatorService.listStuckBranches;
    return callCoordinator(this, { method, request, read: stuckPageOf }, this.bounds);
  }

  retry(request: BranchesRequest, bounds: CallBounds): Promise<Answer<BranchesChanged>> {
    const method = OperatorService.retryBranches;
    const call = { method, request: branchesToWire(request), read: changedOf };
    return callCoordinator(this, call, bounds);
  }

  resume(request: BranchesRequest, bounds: CallBounds): Promise<Answer<BranchesChanged>> {
    const method = OperatorService.resumeBranches;
    const call = { method, request: branchesToWire(request), read: changedOf };
    return callCoordinator(this, call, bounds);
  }

  resolve(request: ResolveRequest, bounds: CallBounds): Promise<Answer<Resolved>> {
    const method = OperatorService.resolveBranch;
    const wire = { ...request, as: enums.assertedStatus.toWire(request.as) };
    return callCoordinator(this, { method, request: wire, read: resolvedOf }, bounds);
  }

  health(): Promise<Answer<Health>> {
    const call = { method: healthCheck, request: undefined, read: (health: Health) => health };
    return callCoordinator(this, call, this.bounds);
  }

  close(): void {
    this.channel.close();
  }
}

type Described = ReturnType<typeof OperatorService.describeTransaction.responseDeserialize>;

function branchesToWire({ gid, branchIds }: BranchesRequest): { gid: string; branchIds: string[] } {
  return { gid, branchIds: [...branchIds] };
}

/** Both answers have the same fields. */
function changedOf({ transaction, changedBranchIds }: RetryBranchesResponse): BranchesChanged {
  return {
    transaction: transactionView(transaction),
    changed: changedBranchIds.map((id) => parseBranchId(id)),
  };
}

function resolvedOf({ transaction, recorded }: ResolveBranchResponse): Resolved {
  return { transaction: transactionView(transaction), recorded };
}

function pageOf(response: ListTransactionsResponse): TransactionPage {
  const { transactions, nextCursor } = response;
  return { transactions: transactions.map(summaryOf), nextCursor: nextCursor || undefined };
}

function summaryOf(row: WireSummary): TransactionSummary {
  return {
    gid: row.gid,
    runId: row.runId,
    name: row.name,
    status: wordOf(enums.transactionStatus, row.status),
    branches: row.branches,
    openedAt: Number(row.openedUnixMs),
    decidedAt: timeOf(row.decidedUnixMs),
    finishedAt: timeOf(row.finishedUnixMs),
    cause: wordOrNone(enums.decisionCause, row.cause),
    ...(row.tombstone && { tombstone: true }),
  };
}

function stuckPageOf(response: ListStuckBranchesResponse): StuckPage {
  const { branches, total, transactions, nowUnixMs } = response;
  return { branches: branches.map(stuckOf), total, transactions, now: Number(nowUnixMs) };
}

function stuckOf(row: WireStuckBranch): StuckBranch {
  if (row.branch === undefined) throw new Error('a stuck row holds no branch');
  return {
    gid: row.gid,
    name: row.name,
    status: wordOf(enums.transactionStatus, row.status),
    decidedAt: timeOf(row.decidedUnixMs),
    branch: branchView(row.branch),
  };
}
