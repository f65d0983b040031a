/** What `run` takes and gives. */
import type { BranchFailure } from '@tercet/core';
import type { Duration } from './duration';

/** How a transaction is run. */
export interface RunOptions {
  /** Name of the kind of transaction, for people and metrics: 1–64 visible ASCII characters, such as `checkout`. */
  readonly name: string;
  /** The idempotency key: 1–128 visible ASCII characters. Default: a new UUIDv7. */
  readonly gid?: string;
  /** Time until the decision, 1 ms to 24 h. Default 60 s. */
  readonly timeout?: Duration;
  /** Before Commit was sent, an abort rolls back; afterwards it only ends the waiting. */
  readonly signal?: AbortSignal;
  /** Outside numbers for search and audit: at most 16, keys 1–64 visible ASCII characters, values up to 256. */
  readonly labels?: Readonly<Record<string, string>>;
  /** How long `run` waits after the decision for Confirm or Cancel, 0 to 60,000 ms. Default 2,000. */
  readonly phaseTwoWaitMs?: number;
  /** W3C trace context of the caller; stored with the transaction and sent with every call. Default: none. */
  readonly traceparent?: string;
  /** Belongs to `traceparent`. Default: none. */
  readonly tracestate?: string;
}

/** A branch of a committed transaction. */
export interface BranchResult {
  /** Branch id: `1`, `2`, … */
  readonly branch: string;
  readonly action: string;
  /** gRPC service: `shop.StockTcc`. */
  readonly service: string;
  readonly target: string;
  /** `pending`: Confirm has not answered OK yet; the coordinator goes on calling it. */
  readonly status: 'confirmed' | 'pending';
  /** The last failed Confirm of a pending branch. */
  readonly failure: BranchFailure | undefined;
}

interface ResultBase {
  readonly gid: string;
  /** `confirmed`: every Confirm was answered. `confirming`: it is decided and goes on without the caller. */
  readonly status: 'confirmed' | 'confirming';
  /** All branches, in the order of registration. */
  readonly branches: readonly BranchResult[];
}

/** This run did the work. */
export interface OwnResult<T> extends ResultBase {
  readonly attached: false;
  readonly runId: string;
  /** What the callback returned. */
  readonly value: T;
}

/** Another run of the same gid and name did the work; the callback's outcome was ignored. */
export interface AttachedResult extends ResultBase {
  readonly attached: true;
  /** The run that did it. */
  readonly runId: string;
  readonly value: undefined;
}

/** How `run` ends when the transaction is committed. Ask `attached` before using `value`. */
export type RunResult<T> = OwnResult<T> | AttachedResult;
