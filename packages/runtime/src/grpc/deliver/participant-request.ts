/** A call of a participant and how it ended, in the form that both transports share. */
import type { CallReply, CallSignal, Phase, TraceContext } from '@tercet/core';

/** What Tercet says with every call of an action: typed fields on a stream, `tercet-*` metadata with a unary call. */
export interface CallContext {
  readonly gid: string;
  readonly runId: string;
  readonly branchId: string;
  /** Name of the action. */
  readonly action: string;
  readonly phase: Phase;
  /** 1 for the first call of the phase. */
  readonly attempt: number;
  /** Unix ms after which the Try must not start; with Try and Cancel. */
  readonly notAfter: number | undefined;
  /** The initiator's trace; undefined = none. */
  readonly trace: TraceContext | undefined;
}

/** One call of a participant's method. */
export interface ParticipantRequest {
  /** gRPC address, as registered. */
  readonly target: string;
  /** Full method path: `/shop.StockTcc/ReserveTry`. */
  readonly method: string;
  /** Encoded request. */
  readonly payload: Uint8Array;
  /** Undefined = nobody knows it as typed fields: the call is always unary. */
  readonly context: CallContext | undefined;
  /** Everything else that is sent as metadata; keys that end in `-bin` take bytes. Default: none. */
  readonly metadata?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** The call ends with DEADLINE_EXCEEDED after this many milliseconds. */
  readonly deadlineMs: number;
  /** Gives the call up: it ends with CANCELLED. Default: nobody does. */
  readonly signal?: CallSignal | undefined;
  /** `unary`: never on a stream. Default `auto`: on one where the participant offers it. */
  readonly transport?: 'auto' | 'unary' | undefined;
}

/** A call that may go on a stream. */
export type StreamableRequest = ParticipantRequest & { readonly context: CallContext };

/** How a call ended. The same for both transports. */
export interface ParticipantReply extends CallReply {
  /** Encoded reply; undefined unless the code is OK. */
  readonly payload: Uint8Array | undefined;
  /** What came with a reject, JSON in UTF-8; undefined = nothing. Unchecked. */
  readonly rejectDetails: Uint8Array | undefined;
  /** Nested branches whose Try succeeded, as the participant told them. Unchecked: who called knows which can be true. */
  readonly branches: readonly string[];
  /** False = the call never left this process, so nothing can have been applied. True says only that it may have. */
  readonly sent: boolean;
}

/** A failure that was made on this side. */
export function localReply(
  code: number,
  message: string,
  seen: { readonly peer?: string | undefined; readonly sent: boolean },
): ParticipantReply {
  return {
    code,
    message,
    payload: undefined,
    verdict: undefined,
    retryAfterMs: undefined,
    rejectDetails: undefined,
    branches: [],
    peer: seen.peer,
    sent: seen.sent,
  };
}
