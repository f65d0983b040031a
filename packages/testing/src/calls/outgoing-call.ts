/** A call of a participant on its way out, whoever sends it: Try from the SDK, Confirm and Cancel from the coordinator. */
import type { CallSignal } from '@tercet/core';
import type { CallContext, ConnectionState, ParticipantReply } from '@tercet/runtime';

/** One call, as its caller orders it. */
export interface OutgoingCall {
  readonly target: string;
  /** Full method path: `/shop.StockTcc/ReserveTry`. */
  readonly method: string;
  readonly payload: Uint8Array;
  /** Undefined = an interceptor of the test made metadata of its own; then `metadata` is all there is. */
  readonly context: CallContext | undefined;
  readonly metadata: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** Virtual milliseconds. */
  readonly deadlineMs: number;
  /** Gives the call up. */
  readonly signal: CallSignal;
}

/** One call, as it goes over the wire. */
export interface WireCall extends OutgoingCall {
  /** Virtual Unix ms at which it is given up: by `signal`, never by the wire. */
  readonly deadlineAt: number;
}

/** What carries calls. */
export interface Wire {
  /** Sends once. Resolves with whatever happened; without a deadline of its own. */
  send(call: WireCall): Promise<ParticipantReply>;
  /** What is known of the connection to `target`. */
  connection(target: string): ConnectionState;
  /** Ends all connections. Repeating is safe. */
  close(): void;
}

/** The metadata that carries the virtual deadline to a participant: a gRPC deadline would count in real time. */
export const deadlineKey = 'tercet-test-deadline';

/** A reply that was made on this side. */
export function madeReply(
  code: number,
  message: string,
  more: Partial<ParticipantReply> = {},
): ParticipantReply {
  return {
    code,
    message,
    payload: undefined,
    verdict: undefined,
    retryAfterMs: undefined,
    rejectDetails: undefined,
    branches: [],
    peer: undefined,
    sent: true,
    ...more,
  };
}
