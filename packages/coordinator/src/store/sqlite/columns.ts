/** The shapes of the database's rows. Column names of code and schema meet here. */
import type {
  Branch,
  BranchSpec,
  DecisionCause,
  GlobalStatus,
  GlobalTransaction,
  StuckReason,
  Verdict,
} from '@tercet/core';

/** Format of a transaction's rows; a row of a newer one is not read. */
export const ROW_FORMAT = 1;

/** A row of `transactions`. `open_owner` and `next_at` are NULL when finished, so both indexes stay small. */
export interface TransactionRow {
  readonly gid: string;
  readonly run_id: string;
  readonly name: string;
  readonly status: GlobalStatus;
  readonly on_timeout: GlobalTransaction['policy']['onTimeout'];
  readonly phase_two_order: GlobalTransaction['policy']['phaseTwoOrder'];
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly opened_at: number;
  readonly deadline_at: number;
  readonly decided_at: number | null;
  readonly finished_at: number | null;
  readonly cause: DecisionCause['kind'] | null;
  readonly reason: string | null;
  readonly owner: string;
  readonly epoch: number;
  readonly open_owner: string | null;
  readonly next_at: number | null;
  readonly branches: number;
  readonly format: number;
}

/** A row of `branches`. A NULL payload = the same bytes as `payload`. */
export interface BranchRow {
  readonly gid: string;
  readonly branch_id: string;
  readonly ordinal: number;
  readonly action: string;
  readonly mode: BranchSpec['mode'];
  readonly driver: BranchSpec['driver'];
  readonly dialect: BranchSpec['dialect'];
  readonly target: string;
  readonly forward_method: string;
  readonly confirm_method: string;
  readonly cancel_method: string;
  readonly payload: Uint8Array;
  readonly confirm_payload: Uint8Array | null;
  readonly cancel_payload: Uint8Array | null;
  readonly after: string;
  readonly forward_deadline_ms: number;
  readonly confirm_deadline_ms: number;
  readonly cancel_deadline_ms: number;
  readonly retry_first_ms: number;
  readonly retry_max_ms: number;
  readonly stuck_after_ms: number;
  readonly stuck_attempts: number;
  readonly park_permanent: number;
  readonly barrier: number;
  readonly phase_one: Branch['phaseOne'];
  readonly try_told: number;
  readonly status: Branch['status'];
  readonly not_after: number;
  readonly attempts: number;
  readonly streak: number;
  readonly first_attempt_at: number | null;
  readonly last_attempt_at: number | null;
  readonly next_attempt_at: number | null;
  readonly failure_code: number | null;
  readonly failure_message: string | null;
  readonly failure_peer: string | null;
  readonly stuck_reason: StuckReason | null;
  readonly parked: number;
  readonly verdict: Verdict['asserted'] | null;
  readonly verdict_by: string | null;
  readonly verdict_at: number | null;
  readonly verdict_reason: string | null;
}

/** What one branch sends, as columns. */
export type PayloadsRow = Pick<BranchRow, 'payload' | 'confirm_payload' | 'cancel_payload'>;

/** A place in the order of due times, as columns. */
export interface DueRow {
  readonly gid: string;
  readonly next_at: number;
}

/** What a row says, as columns. */
export interface FactsRow {
  readonly owner: string;
  readonly epoch: number;
  readonly run_id: string;
  readonly status: GlobalStatus;
  readonly branches: number;
}

/** A row with its branches and labels; columns as `rows.ts` knows them. */
export interface LoadedRows {
  readonly transaction: unknown;
  readonly branches: readonly unknown[];
  readonly labels: readonly unknown[];
}

/** Columns of a branch that phase two writes, in the order of the statement. */
export const progressColumnNames = [
  'status',
  'attempts',
  'streak',
  'first_attempt_at',
  'last_attempt_at',
  'next_attempt_at',
  'failure_code',
  'failure_message',
  'failure_peer',
  'stuck_reason',
  'parked',
  'verdict',
  'verdict_by',
  'verdict_at',
  'verdict_reason',
] as const;
