/** What a handler learns of its call. */
import type { Metadata } from '@grpc/grpc-js';
import type { TccDefinition } from '../define-tcc';
import type { ServiceLike } from '../service-definition';
import type { ActionMap } from '../tcc-action';
import type { TccProxy, UseOptions } from '../transaction-context';
import type { RetryOptions } from './verdicts';

/**
 * One call of Try, Confirm or Cancel. The same whether it came as a unary call or over Deliver. `signal`, `metadata` and
 * all that a barrier gives are made when they are first looked at: take them out by name, a copy made with `{ ...ctx }`
 * lacks them.
 *
 * `db`, `tried`, `save`, `saved` and `tryObserved` are for handlers of an `addTcc` that was given a barrier such as
 * `sqliteBarrier`; `Db` is the open transaction of its library, `Tried` the Try's reply. Without one, and in interceptors
 * and `authorize`, `db` is undefined and the others throw ConfigError when they are read.
 */
export interface CallContext<Db = unknown, Tried = unknown> {
  readonly gid: string;
  /** The run that opened the transaction: part of every key under which a participant remembers a branch. */
  readonly runId: string;
  /** `1`, `2`, …, nested `1.2`; unique within the run. */
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
  /** Address of who opened the connection, a proxy perhaps: `10.0.0.7:41234`. undefined = the connection is gone. */
  readonly peer: string | undefined;
  /**
   * The local transaction that the barrier has opened: whatever is written through it is committed together with the
   * barrier's row, or not at all. It must not be committed or rolled back by the handler, and refuses everything once the
   * handler has ended. After a deadlock the handler runs again, with another `ctx` and another `db`.
   */
  readonly db: Db;
  /**
   * In Confirm and Cancel: the reply that the Try of this branch was answered with. undefined in Try, and in a Cancel whose
   * Try left no trace, which is called only with `cancelWhenTryUnknown: 'call'`.
   */
  readonly tried: Tried;
  /**
   * In Confirm and Cancel: whether a Try of this branch has taken effect here. False only in a Cancel that is called with
   * `cancelWhenTryUnknown: 'call'`; in Try it is always false.
   */
  readonly tryObserved: boolean;
  /**
   * In Confirm and Cancel: what the Try kept with `save`, as it was. undefined = it kept nothing; so in Try. Of any type:
   * nothing ties it to what is read, and a Try of an older version of the service may have kept something else.
   */
  readonly saved: unknown;
  /**
   * In Try: keeps a value for this branch's Confirm and Cancel, in the same local transaction, apart from the reply, which
   * the initiator sees. What the result of a run can be: JSON, with bigints, bytes and Dates as they are. At most 64 KiB,
   * with the ids of nested branches. The last call counts; a Try that fails keeps nothing.
   *
   * @throws ConfigError that names the handler: outside of Try, after the handler has ended, for a value that is too large
   *   or cannot be encoded.
   */
  readonly save: (value: unknown) => void;
  /**
   * The actions of another participant, as nested branches of this Try: each call of one is registered as
   * `<branchId>.1`, `<branchId>.2`, … in the transaction of this branch, then its Try is sent. Ids follow the order of
   * the calls, and a repeated Try counts anew: make the same nested calls in the same order with the same requests at
   * every attempt, or their registration contradicts the first one and the transaction is cancelled.
   *
   * A nested Try that fails fails this Try, whether or not the handler catches the error. Those that the handler did
   * not await are awaited before the answer; after it none can start.
   *
   * Only in Try, and only where `addTcc` was given `tercet`. Sends nothing by itself.
   *
   * @throws ConfigError elsewhere, for what is no definition or a malformed option, and where this branch is nested 8
   *   deep already.
   */
  use<S extends ServiceLike, A extends ActionMap>(
    definition: TccDefinition<S, A>,
    options: UseOptions,
  ): TccProxy<S, A>;
  /** Throws TccReject. */
  reject(reason: string, details?: unknown): never;
  /** Throws TccRetry. */
  retry(options?: RetryOptions): never;
  /** Throws TccPark. */
  park(reason: string): never;
}
