/** Code around runs and Tries: logs, metrics, traces. As `next` chains, the first interceptor is the outermost. */
import type { RunResult } from './run-options';
import type { TryReply } from './run/try-caller';

/** A run, before it starts. */
export interface RunInfo {
  /** Kind of the transaction. */
  readonly name: string;
  readonly gid: string;
  readonly runId: string;
  readonly timeoutMs: number;
  readonly phaseTwoWaitMs: number;
  readonly phaseTwoOrder: 'all' | 'registration' | 'reverse';
  readonly labels: Readonly<Record<string, string>>;
  /** Trace context of the options or of an outer interceptor; undefined = none yet. */
  readonly traceparent: string | undefined;
  /** Belongs to `traceparent`; undefined = none. */
  readonly tracestate: string | undefined;
}

/** What a `run` interceptor may add. */
export interface RunAdditions {
  /** W3C trace context, where the run has none: stored with the transaction, sent with every call. Default: none. */
  readonly traceparent?: string;
  /** Belongs to `traceparent`. Default: none. */
  readonly tracestate?: string;
}

/** One attempt of a Try, before it is sent. */
export interface TryInfo {
  readonly gid: string;
  readonly runId: string;
  /** Branch id. The branch is registered. */
  readonly branch: string;
  readonly action: string;
  /** gRPC service: `shop.StockTcc`. */
  readonly service: string;
  /** Full method path. */
  readonly method: string;
  readonly target: string;
  /** 1, then 2, … where the participant asked for a repetition. */
  readonly attempt: number;
  /** What is left for this Try, milliseconds; the time that interceptors take counts. */
  readonly deadlineMs: number;
  /** What it will carry so far, additions of outer interceptors included. */
  readonly metadata: Readonly<Record<string, string | Uint8Array>>;
}

/** What a `try` interceptor may add. */
export interface TryAdditions {
  /**
   * Metadata, merged: a key that is there already, Tercet's own or the user's, stays as it is. Keys that end in
   * `-bin` take bytes, all others text; new keys that begin with `tercet-` or `grpc-` are refused. Default: none.
   */
  readonly metadata?: Readonly<Record<string, string | Uint8Array>>;
}

/**
 * Sees what a client does. Both hooks are optional. What they return is ignored: the truth is what `next` gave.
 * `next` may be called once; a second call rejects with ConfigError.
 */
export interface TercetInterceptor {
  /**
   * Around a run. `next` runs it, and settles as `run` would.
   *
   * Throwing before `next` keeps the run from starting: nothing is sent, and `run` rejects with that error. Throwing
   * afterwards makes `run` reject with that error, too, but changes nothing about the transaction. Swallowing the
   * error of `next` changes nothing. Not calling `next` is a ConfigError.
   */
  run?(
    info: RunInfo,
    next: (additions?: RunAdditions) => Promise<RunResult<unknown>>,
  ): Promise<unknown>;
  /**
   * Around each attempt of a Try. `next` sends it and resolves with the participant's reply, whatever it was.
   *
   * Throwing before `next`, or not calling it, keeps the Try from being sent: the run rolls back with that cause.
   * Throwing afterwards makes the run roll back, too; the coordinator is told the outcome that the reply stood for.
   * An interceptor that is still busy a second after the Try's deadline, or after the run stopped, is not awaited.
   */
  try?(call: TryInfo, next: (additions?: TryAdditions) => Promise<TryReply>): Promise<unknown>;
}
