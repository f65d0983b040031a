/** What operators may ask, free of any transport. */
import {
  type Clock,
  type Gid,
  type GlobalTransaction,
  type StuckReason,
  openPhase,
  serviceOf,
} from '@tercet/core';
import type { Engine } from '../engine/engine';
import type { StuckBranch } from '../engine/stuck-branches';
import type { ListQuery, TransactionPage } from '../store/store';
import { invalid } from './validation';

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

/** The calls of the Operator service. */
export class OperatorService {
  constructor(
    private readonly engine: Engine,
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
  stuck(query: StuckQuery): StuckAnswer {
    checkLimit(query.limit);
    const found = this.engine.stuck().filter((row) => matches(row, query));
    return {
      rows: found.slice(0, query.limit),
      total: found.length,
      transactions: new Set(found.map(({ tx }) => tx.gid)).size,
      now: this.clock.now(),
    };
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
