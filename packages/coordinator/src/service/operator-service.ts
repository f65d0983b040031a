/** What operators may ask, free of any transport. */
import {
  type BranchId,
  type CallSignal,
  type Clock,
  type Gid,
  type GlobalTransaction,
  type ResolveEvent,
  type StuckReason,
  openPhase,
  serviceOf,
} from '@tercet/core';
import type { EngineCommands } from '../engine/present-engine';
import type { StuckBranch } from '../engine/stuck-branches';
import type { ListQuery, TransactionPage } from '../store/store';
import { checkCount, checkVerdict, invalid } from './validation';

/** Most rows of one answer. */
export const PAGE_ROWS_MAX = 1_000;

/** Filters of the stuck list; undefined = all. */
export interface StuckQuery {
  readonly service: string | undefined;
  readonly action: string | undefined;
  readonly reason: StuckReason | undefined;
  readonly limit: number;
}

/** The stuck list. */
export interface StuckAnswer {
  readonly rows: readonly StuckBranch[];
  /** How many there are in all, filters applied. */
  readonly total: number;
  /** In how many transactions. */
  readonly transactions: number;
  /** The coordinator's clock, Unix ms. */
  readonly now: number;
}

/** Branches of one transaction; none named = all that the verb is for. */
export interface BranchesRequest {
  readonly gid: Gid;
  readonly branchIds: readonly BranchId[];
}

/** How a branch ended, says an operator. */
export interface ResolveRequest extends Omit<ResolveEvent, 'kind'> {
  readonly gid: Gid;
}

/** What an operator's verb did; durable. */
export interface OperatorAnswer {
  readonly tx: GlobalTransaction;
  /** The branches that it changed; empty = the effect was already there. */
  readonly changed: readonly BranchId[];
}

/** The calls of the Operator service. All reject with TercetError and may be repeated. */
export class OperatorService {
  constructor(
    private readonly engine: EngineCommands,
    private readonly clock: Clock,
  ) {}

  /** A page of transactions. */
  async list(query: ListQuery): Promise<TransactionPage> {
    checkLimit(query.limit);
    return await this.engine.list(query);
  }

  /** One transaction. */
  describe(gid: Gid): Promise<GlobalTransaction> {
    return this.engine.get(gid);
  }

  /** The stuck branches, the oldest decision first. */
  async stuck(query: StuckQuery): Promise<StuckAnswer> {
    checkLimit(query.limit);
    const found = (await this.engine.stuck()).filter((row) => matches(row, query));
    return {
      rows: found.slice(0, query.limit),
      total: found.length,
      transactions: new Set(found.map(({ tx }) => tx.gid)).size,
      now: this.clock.now(),
    };
  }

  /** Makes branches due at once. Rejects with BRANCH_PARKED where one of them is parked. */
  async retry({ gid, branchIds }: BranchesRequest): Promise<OperatorAnswer> {
    checkCount('branch_ids', branchIds.length);
    return await this.engine.operate(gid, { kind: 'retry', branchIds });
  }

  /** Lets parked branches be called again, at once. */
  async resume({ gid, branchIds }: BranchesRequest): Promise<OperatorAnswer> {
    checkCount('branch_ids', branchIds.length);
    return await this.engine.operate(gid, { kind: 'resume', branchIds });
  }

  /**
   * Completes a branch by an operator's word. A call of it that is under way may end first and win; who gives up
   * meanwhile (`signal`) has not resolved it.
   */
  async resolve({ gid, ...verdict }: ResolveRequest, signal?: CallSignal): Promise<OperatorAnswer> {
    checkVerdict(verdict);
    return await this.engine.operate(gid, { kind: 'resolve', ...verdict }, signal);
  }
}

function matches({ tx, branch, reason }: StuckBranch, query: StuckQuery): boolean {
  const phase = openPhase(tx);
  const service = phase === undefined ? '' : serviceOf(branch.spec.methods[phase]);
  return (
    (query.service === undefined || query.service === service) &&
    (query.action === undefined || query.action === branch.spec.action) &&
    (query.reason === undefined || query.reason === reason)
  );
}

function checkLimit(limit: number): void {
  if (limit < 1 || limit > PAGE_ROWS_MAX)
    throw invalid('limit', `1 to ${PAGE_ROWS_MAX} rows, got ${limit}`);
}
