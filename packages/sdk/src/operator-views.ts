/** What the operator client takes and gives. Plain data, times in Unix milliseconds. */
import type { BranchId, GlobalStatus, StuckReason, Verdict } from '@tercet/core';
import type { BranchView, DecisionCauseKind, TransactionView } from './transaction-view';

/** Filters and page of a list. All filters must hold. */
export interface ListFilter {
  /** Only these statuses. Default: all. */
  readonly statuses?: readonly GlobalStatus[];
  /** Only this name. */
  readonly name?: string;
  /** Only gids that begin with this. */
  readonly gidPrefix?: string;
  /** Most rows, 1 to 1,000. Default 50. */
  readonly limit?: number;
  /** `nextCursor` of the page before. Default: the first page. */
  readonly cursor?: string;
}

/** A row of a list. */
export interface TransactionSummary {
  readonly gid: string;
  readonly runId: string;
  readonly name: string;
  readonly status: GlobalStatus;
  /** Number of registered branches. */
  readonly branches: number;
  readonly openedAt: number;
  readonly decidedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly cause: DecisionCauseKind | undefined;
  /** Only its tombstone is left: payloads, branches and history are no longer kept. Default: false. */
  readonly tombstone?: boolean;
}

/** A page of a list: unfinished transactions first, then finished ones, the latest first. */
export interface TransactionPage {
  readonly transactions: readonly TransactionSummary[];
  /** undefined = this was the last page. */
  readonly nextCursor: string | undefined;
}

/** Filters of the stuck list. All filters must hold. */
export interface StuckFilter {
  /** Only branches of this gRPC service: `shop.StockTcc`. */
  readonly service?: string;
  readonly action?: string;
  readonly reason?: StuckReason;
  /** Most rows, 1 to 1,000. Default 100. */
  readonly limit?: number;
}

/** A branch in phase two past its alert threshold, or one that came back with a restored store. */
export interface StuckBranch {
  readonly gid: string;
  /** Name of the kind of transaction. */
  readonly name: string;
  readonly status: GlobalStatus;
  /** Undefined = undecided: it came back so with a restored store. */
  readonly decidedAt: number | undefined;
  readonly branch: BranchView;
}

/** The stuck branches, the oldest decision first. */
export interface StuckPage {
  readonly branches: readonly StuckBranch[];
  /** How many there are in all, filters applied. */
  readonly total: number;
  /** In how many transactions. */
  readonly transactions: number;
  /** The coordinator's clock: ages and due times are relative to it. */
  readonly now: number;
}

/** Which branches of a transaction an operator means. */
export interface BranchesOptions {
  /** Their ids, at most 256. Default: all that the verb is for. */
  readonly branches?: readonly string[];
}

/** How an operator vouches for the end of a branch that cannot answer for itself. */
export interface ResolveOptions {
  /**
   * How it ended. It has to agree with the decision: `confirmed` of a transaction that confirms. A transaction that came back
   * undecided with a restored store is decided by it.
   */
  readonly as: Verdict['asserted'];
  /** Why, for whoever reads it later: 1 to 1,024 characters, not blank. Kept for ever. */
  readonly reason: string;
  /** Who says so: 1 to 128 characters, not blank. Kept for ever, as told: nobody is authenticated in this version. */
  readonly by: string;
}

/** What `retry` or `resume` did. Durable. */
export interface BranchesChanged {
  /** The transaction as it was then. */
  readonly transaction: TransactionView;
  /** The branches that it changed; empty = there was nothing to change. */
  readonly changed: readonly BranchId[];
}

/** What `resolve` did. Durable. */
export interface Resolved {
  /** The transaction as it was then. */
  readonly transaction: TransactionView;
  /**
   * Whether this call recorded the verdict. False: the branch had ended by itself or by an earlier verdict, which may
   * be this very one, where an answer was lost and the call repeated.
   */
  readonly recorded: boolean;
}

/** Answer of the coordinator's health check. */
export interface Health {
  /** `serving`: it takes work. `not-serving`: it is starting, stopping, or its store is not usable. */
  readonly status: 'serving' | 'not-serving' | 'unknown';
}
