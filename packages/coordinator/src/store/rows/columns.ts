/** The shapes of a database's rows, the same in every one. Column names of code and schema meet here. */
import type { DecisionCause, GlobalStatus } from '@tercet/core';

/** Format of a transaction's rows; a row of a newer one is not read. */
export const ROW_FORMAT = 1;

/**
 * A row of `transactions`. `open_owner` and `next_at` are NULL when finished, so both indexes stay small. Columns are
 * what SQL itself compares, sorts or lists; what is only read as a whole is JSON: `details` and `states`.
 */
export interface TransactionRow {
  readonly gid: string;
  readonly run_id: string;
  readonly name: string;
  readonly status: GlobalStatus;
  readonly branches: number;
  /** Row of `registrations` that came with the opening; NULL = without branches, or from an older schema. */
  readonly registration: number | null;
  readonly owner: string;
  readonly epoch: number;
  readonly open_owner: string | null;
  readonly next_at: number | null;
  readonly opened_at: number;
  readonly deadline_at: number;
  readonly decided_at: number | null;
  readonly finished_at: number | null;
  readonly cause: DecisionCause['kind'] | null;
  readonly reason: string | null;
  readonly format: number;
  /** Policy and trace: see `details.ts`. */
  readonly details: string | null;
  /** What can change of the branches: see `branch-states.ts`. */
  readonly states: string | null;
  /** NULL = whole. Else only this row is left: see `tombstone.ts`. */
  readonly tombstone: string | null;
}

/**
 * A row of `registrations`: the branches that were registered together. Written once, never changed. Found by the
 * number that the transaction holds, or, where branches were added later, by gid.
 */
export interface RegistrationRow {
  /** Place of its first branch. */
  readonly first: number;
  /** What never changes of the branches: see `branch-specs.ts`. */
  readonly specs: string;
  /** The bytes of all branches, one behind the other. */
  readonly payloads: Uint8Array;
}

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
  readonly format: number;
}

/** A row with its registrations, in the order of branches, and labels. */
export interface LoadedRows {
  readonly transaction: TransactionRow;
  readonly registrations: readonly RegistrationRow[];
  readonly labels: readonly { readonly name: string; readonly value: string }[];
}
