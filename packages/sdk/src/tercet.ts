/** The initiator's entry: runs transactions and asks about them. */
import type { Clock, Fact, Random, Scheduler } from '@tercet/core';
import type { CoordinatorTransport } from './coordinator/coordinator-transport';
import type { Duration } from './duration';
import type { GrpcCredentials } from './grpc/credentials';
import type { TercetInterceptor } from './interceptors';
import type { ResultOption, RunOptions, RunResult } from './run-options';
import type { TryCaller } from './run/try-caller';
import type { TransactionContext } from './transaction-context';
import type { TransactionView } from './transaction-view';
import type { WarningListener } from './warnings';

/** How the SDK reaches the coordinator. Everything is optional. */
export interface TercetOptions {
  /**
   * gRPC address of the coordinator: `host:port`, or a target such as `dns:///tercet:8420`. No URL. Several
   * coordinators that share a store: such a name for all of them, or a comma list of `host:port`; one is in use at a
   * time, the next after it failed. Default `127.0.0.1:8420`.
   */
  readonly coordinator?: string;
  /**
   * Channel credentials of grpc-js. Default: no TLS. There are none towards participants: the coordinator, which
   * calls the same targets for Confirm and Cancel, has no credentials for them yet.
   */
  readonly tls?: {
    /** For a TLS-terminating proxy in front of the coordinator. */
    readonly coordinator?: GrpcCredentials;
  };
  /**
   * How calls reach the coordinator. `auto`: all of them share one stream where the coordinator offers it, which costs
   * a fraction of a call each; else unary. `unary`: always a call of its own, for a proxy that does not let streams
   * through. What is repeated, and when, is the same. Default `auto`.
   */
  readonly session?: 'auto' | 'unary';
  /** Replaces gRPC towards the coordinator; `coordinator`, `session` and `tls.coordinator` are then not used. */
  readonly transport?: CoordinatorTransport;
  /**
   * How Tries reach participants. `auto`: on a stream where a participant offers one, which costs a fraction of a call
   * each; else unary. `unary`: always a call of its own. What a Try means and how it ends is the same. `transport` of
   * `tx.use` narrows it for one participant. Default `auto`.
   */
  readonly deliver?: 'auto' | 'unary';
  /** Replaces gRPC towards participants; `deliver` is then not used. */
  readonly tryCaller?: TryCaller;
  /** Code around every run and every attempt of a Try; the first one is the outermost. Default: none. */
  readonly interceptors?: readonly TercetInterceptor[];
  /** Hears what went wrong beside the work. Default: nobody does; the SDK writes nothing to the console. */
  readonly onWarning?: WarningListener;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: the machine's randomness. */
  readonly random?: Random;
  /** Default: the machine's timers. */
  readonly scheduler?: Scheduler;
}

/** Bounds of `get`. */
export interface GetOptions {
  /** Longest time, repeats included. Default 10 s. */
  readonly timeout?: Duration;
  /** Ends the asking: `get` rejects with CALL_CANCELLED. Default: none. */
  readonly signal?: AbortSignal;
}

/** What `wait` waits for, and how long. */
export interface WaitOptions {
  /** `decided`, `executed` (every branch answered) or `settled` (that is durable). Default `executed`. */
  readonly for?: Fact;
  /** Longest time, up to 24 h. Default 60 s. */
  readonly timeout?: Duration;
  /** Ends the waiting: `wait` rejects with CALL_CANCELLED. Default: none. */
  readonly signal?: AbortSignal;
}

/** The initiator's client of one coordinator. Make one per process and close it at the end. */
export interface Tercet {
  /**
   * Runs a transaction: calls `work`, then asks for commit where it returned and every Try succeeded, else rolls
   * back.
   *
   * Resolves where commit is durable. Rejects with TransactionCancelledError (rolled back),
   * CoordinatorUnavailableError (nobody knows, or nothing is decided yet), ConfigError, or a TercetError with the
   * code GID_CONFLICT. Repeatable with the same `gid`: a later run does no work and gives the first one's outcome,
   * its value included.
   */
  run<T>(
    options: RunOptions & ResultOption<NoInfer<T>>,
    work: (tx: TransactionContext) => Promise<T> | T,
  ): Promise<RunResult<T>>;
  /**
   * The present truth about a transaction. Repeatable.
   *
   * Rejects with TercetError TRANSACTION_NOT_FOUND ("no longer kept", never "never happened"),
   * CoordinatorUnavailableError, or TercetError CALL_CANCELLED after an abort.
   */
  get(gid: string, options?: GetOptions): Promise<TransactionView>;
  /**
   * Resolves once the fact holds. Repeatable.
   *
   * Rejects like `get`; with TransactionPendingError when the time ran out; and, where the fact needs every branch to
   * answer, with TransactionStuckError when one is parked.
   */
  wait(gid: string, options?: WaitOptions): Promise<TransactionView>;
  /**
   * Ends everything: undecided runs roll back (within 1 s) and reject, others only stop waiting; then all
   * connections close. May be called again.
   */
  close(): Promise<void>;
}
