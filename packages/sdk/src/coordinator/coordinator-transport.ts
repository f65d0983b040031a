/** The coordinator as the SDK sees it: five calls in plain types. The default speaks gRPC (src/grpc). */
import type {
  BranchId,
  BranchSpec,
  CallSignal,
  Fact,
  Gid,
  GlobalStatus,
  Opening,
  RunId,
  TercetError,
  TryOutcome,
} from '@tercet/core';
import type { BranchView, TransactionView } from '../transaction-view';

/**
 * How a call of the coordinator ended.
 * - `ok`: answered.
 * - `refused`: the coordinator itself said no; the request changed nothing.
 * - `lost`: no usable answer; nobody knows whether the request took effect.
 */
export type Answer<T> =
  | { readonly kind: 'ok'; readonly reply: T }
  | { readonly kind: 'refused'; readonly error: TercetError }
  | { readonly kind: 'lost'; readonly error: TercetError };

/** Bounds of one call. */
export interface CallBounds {
  /** The call ends as `lost` after this many milliseconds. */
  readonly deadlineMs: number;
  /** Gives the call up: it ends as `lost`. */
  readonly signal: CallSignal;
}

/** Makes branches durable. */
export interface RegisterRequest {
  readonly gid: Gid;
  readonly runId: RunId;
  /** Present until a registration of this run was answered. */
  readonly opening: Opening | undefined;
  readonly branches: readonly BranchSpec[];
}

/** The branches are durable, the transaction is trying. */
export interface RegisterReply {
  readonly status: GlobalStatus;
  /** What was left of phase one when the answer was written, milliseconds. */
  readonly remainingMs: number;
  /** One for each branch of the request. */
  readonly branches: readonly RegisteredBranch[];
}

/** A branch whose Try may be sent. */
export interface RegisteredBranch {
  readonly id: BranchId;
  /** Goes into `tercet-not-after`, unchanged. */
  readonly notAfter: number;
}

/** What a decision waits for before it is answered. */
export interface DecisionWait {
  readonly waitFor: Fact;
  readonly waitMs: number;
}

/** Decides confirm. */
export interface CommitRequest extends DecisionWait {
  readonly gid: Gid;
  readonly runId: RunId;
  /** Every branch whose Try is known to have succeeded, nested ones included. */
  readonly branchIds: readonly BranchId[];
  /** For runs that attach, at most 64 KiB; undefined = none. */
  readonly result: Uint8Array | undefined;
}

/** Decides cancel. */
export interface RollbackRequest extends DecisionWait {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly reason: string;
  readonly tries: ReadonlyMap<BranchId, TryOutcome>;
}

/** The decision is durable. */
export interface DecisionReply {
  readonly status: GlobalStatus;
  readonly reached: Fact | undefined;
  /** The branches that have not answered OK. */
  readonly pending: readonly BranchView[];
}

/** Asks for a transaction. */
export interface GetRequest {
  readonly gid: Gid;
  /** Answer with what its Commit carried, too. */
  readonly withResult: boolean;
}

/** Waits for a fact. */
export interface WaitRequest extends GetRequest {
  readonly waitFor: Fact;
  readonly waitMs: number;
}

/** A transaction as it is now. */
export interface TransactionReply {
  readonly transaction: TransactionView;
  /** What its Commit carried, where that was asked for and there is something. */
  readonly result: Uint8Array | undefined;
}

/** Port to the coordinator. No call ever rejects; every call may be repeated with the same request. */
export interface CoordinatorTransport {
  /** Where the coordinator is, for error texts. Default: they leave it out. */
  readonly address?: string;
  registerBranches(request: RegisterRequest, bounds: CallBounds): Promise<Answer<RegisterReply>>;
  commit(request: CommitRequest, bounds: CallBounds): Promise<Answer<DecisionReply>>;
  rollback(request: RollbackRequest, bounds: CallBounds): Promise<Answer<DecisionReply>>;
  getTransaction(request: GetRequest, bounds: CallBounds): Promise<Answer<TransactionReply>>;
  waitTransaction(request: WaitRequest, bounds: CallBounds): Promise<Answer<TransactionReply>>;
  /** Ends all connections; running calls end as `lost`. Repeating is safe. */
  close(): void;
}
