/** Participants as the initiator sees them: the call of a Try. The default speaks gRPC (src/grpc). */
import type { CallReply, CallSignal, TraceContext } from '@tercet/core';

/** What Tercet says with a Try. */
export interface TryContext {
  readonly gid: string;
  readonly runId: string;
  readonly branchId: string;
  /** Name of the action. */
  readonly action: string;
  readonly phase: 'try';
  /** 1 for the first. */
  readonly attempt: number;
  /** Unix ms after which the Try must not start. */
  readonly notAfter: number;
  /** undefined = the run has none. */
  readonly trace: TraceContext | undefined;
}

/** One attempt of a Try. */
export interface TryCall {
  readonly target: string;
  /** Full method path. */
  readonly method: string;
  readonly payload: Uint8Array;
  /** Tercet's metadata and the user's. Values of keys that end in `-bin` are bytes. */
  readonly metadata: Readonly<Record<string, string | Uint8Array>>;
  /**
   * What Tercet's own keys of `metadata` say, for callers that send no metadata. Default: `metadata` alone says it, because an
   * interceptor may have added to it.
   */
  readonly context?: TryContext | undefined;
  /** With `context`: the user's part of `metadata`. Default: none. */
  readonly userMetadata?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** The call ends with DEADLINE_EXCEEDED after this many milliseconds. */
  readonly deadlineMs: number;
  /** Gives the call up: it ends with CANCELLED. */
  readonly signal: CallSignal;
  /** `unary`: never on a stream, whatever the participant offers. Default `auto`. */
  readonly transport?: 'auto' | 'unary' | undefined;
}

/** How it ended. */
export interface TryReply extends CallReply {
  /** Encoded reply; undefined unless the code is OK. */
  readonly payload: Uint8Array | undefined;
  /** What the participant gave with a reject, decoded from JSON; else undefined. */
  readonly rejectDetails: unknown;
  /**
   * Ids of the nested branches whose Try succeeded, as the participant told them with OK; usually none. Where one of
   * them is no id, or is not nested under the called branch, the whole reply counts as unreadable.
   */
  readonly branches: readonly string[];
  /** False = the call never left, so nothing can have been applied. Default: it may have. */
  readonly sent?: boolean | undefined;
}

/** Port to participants. Never rejects, never repeats a call by itself, ends at the latest at its deadline. */
export interface TryCaller {
  call(call: TryCall): Promise<TryReply>;
  /** Ends all connections. Repeating is safe. */
  close(): void;
}
