/** What `run` takes and gives. */
import type { BranchFailure } from '@tercet/core';
import type { Duration } from './duration';
import type { ResultCodec } from './result-codec';

/** How a transaction is run. */
export interface RunOptions {
  /** Name of the kind of transaction, for people and metrics: 1–64 visible ASCII characters, such as `checkout`. */
  readonly name: string;
  /** The idempotency key: 1–128 visible ASCII characters. Default: a new UUIDv7. */
  readonly gid?: string;
  /** Time until the decision, 1 ms to 24 h. Default 60 s. */
  readonly timeout?: Duration;
  /**
   * When the run's own caller stops waiting, as grpc-js tells it: `call.getDeadline()`. A time, or Unix milliseconds;
   * infinite = never. The run decides before it, and waits no longer for Confirm or Cancel; only a decision that is on
   * its way is given 2 s. Default: inside a handler of `addTcc`, or behind `tercetServerInterceptor`, that of the call; else
   * none. `Infinity` takes none over.
   */
  readonly deadline?: Date | number;
  /** Before Commit was sent, an abort rolls back; afterwards it only ends the waiting. */
  readonly signal?: AbortSignal;
  /** Outside numbers for search and audit: at most 16, keys 1–64 visible ASCII characters, values up to 256. */
  readonly labels?: Readonly<Record<string, string>>;
  /** How long `run` waits after the decision for Confirm or Cancel, 0 to 60,000 ms. Default 2,000. */
  readonly phaseTwoWaitMs?: number;
  /**
   * Order of Confirm or Cancel: `all` at once; in the order of `registration`, each branch once the one before it has
   * answered OK; or in `reverse` of that. In an ordered one, a branch that is stuck holds up those after it. Default
   * `all`.
   */
  readonly phaseTwoOrder?: 'all' | 'registration' | 'reverse';
  /** W3C trace context of the caller; stored with the transaction and sent with every call. Default: none. */
  readonly traceparent?: string;
  /** Belongs to `traceparent`. Default: none. */
  readonly tracestate?: string;
}

/** How the callback's value reaches runs that attach. Beside `RunOptions`, because it depends on the value's type. */
export interface ResultOption<T> {
  /**
   * Turns the callback's value into at most 64 KiB for runs that attach, and back. All runs of a gid need the same
   * one. Default: JSON with bigints, bytes, dates and `undefined` kept.
   */
  readonly result?: ResultCodec<T>;
}

/** A branch of a committed transaction. */
export interface BranchResult {
  /** Branch id: `1`, `2`, …; nested `1.1`. */
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
  /**
   * All branches in the order of registration, with these limits where branches are nested: a run that did the work
   * lists a nested branch only while it is pending, after its own ones. `get` knows them all.
   */
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
export interface AttachedResult<T = unknown> extends ResultBase {
  readonly attached: true;
  /** The run that did it. */
  readonly runId: string;
  /**
   * What the callback of that run returned. undefined where it returned nothing, where its value could not be encoded
   * or read (`onWarning` of that client, or of this one, tells), or where its client sends none.
   */
  readonly value: T | undefined;
}

/** How `run` ends when the transaction is committed. Where `attached`, `value` may be missing. */
export type RunResult<T> = OwnResult<T> | AttachedResult<T>;
