/** Participants as the initiator sees them: the call of a Try. The default speaks gRPC (src/grpc). */
import type { CallReply, CallSignal } from '@tercet/core';

/** One attempt of a Try. */
export interface TryCall {
  readonly target: string;
  /** Full method path. */
  readonly method: string;
  readonly payload: Uint8Array;
  /** Tercet's metadata and the user's. Values of keys that end in `-bin` are bytes. */
  readonly metadata: Readonly<Record<string, string | Uint8Array>>;
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
