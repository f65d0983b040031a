/** What a handler learns of its call. */
import type { Metadata } from '@grpc/grpc-js';
import type { RetryOptions } from './verdicts';

/** One call of Try, Confirm or Cancel. */
export interface CallContext {
  readonly gid: string;
  /** The run that opened the transaction: part of every key under which a participant remembers a branch. */
  readonly runId: string;
  /** `1`, `2`, …; unique within the run. */
  readonly branchId: string;
  /** Name of the action in the definition. */
  readonly action: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  /** 1 for the first call of this phase. Attempts may overlap: handlers must bear concurrent duplicates. */
  readonly attempt: number;
  /** Unix ms at which the caller stops waiting; undefined = it named none. */
  readonly deadline: number | undefined;
  /** Aborted when the caller gave the call up or its deadline passed. */
  readonly signal: AbortSignal;
  /** Unix ms after which this branch's Try must not start; undefined in Confirm. */
  readonly notAfter: number | undefined;
  /** W3C trace context, where the caller sent one. */
  readonly traceparent: string | undefined;
  /** Everything the caller sent. */
  readonly metadata: Metadata;
  /** Throws TccReject. */
  reject(reason: string, details?: unknown): never;
  /** Throws TccRetry. */
  retry(options?: RetryOptions): never;
  /** Throws TccPark. */
  park(reason: string): never;
}
