/** What the operator client takes and gives. Plain data, times in Unix milliseconds. */
import type { GlobalStatus, StuckReason } from '@tercet/core';
import type { BranchView, DecisionCauseKind } from './transaction-view';

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

/** A branch in phase two past its alert threshold. */
export interface StuckBranch {
  readonly gid: string;
  /** Name of the kind of transaction. */
  readonly name: string;
  readonly status: GlobalStatus;
  readonly decidedAt: number;
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

/** Answer of the coordinator's health check. */
export interface Health {
  /** `serving`: it takes work. `not-serving`: it is starting, stopping, or its store is not usable. */
  readonly status: 'serving' | 'not-serving' | 'unknown';
}
