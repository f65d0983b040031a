import { assertNever } from './assert-never';

/** The three calls a TCC branch can get. */
export type Phase = 'try' | 'confirm' | 'cancel';

/** Which table reads a participant's answer. `dtm` is part of the contract and not built yet. */
export type Dialect = 'tercet' | 'dtm';

/** gRPC status codes that outcome tables name; numbers as in the gRPC specification. */
export const grpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** What came back from a participant, before anybody judged it. */
export interface CallReply {
  /** gRPC status code. */
  readonly code: number;
  /** gRPC status message. */
  readonly message: string;
  /** Trailing metadata `tercet-verdict`: `reject`, `retry`, `park`, `conflict`; else undefined. */
  readonly verdict: string | undefined;
  /** Trailing metadata `tercet-retry-after-ms`, where it is a number ≥ 0. */
  readonly retryAfterMs: number | undefined;
  /** Address that answered, where the channel knows it. */
  readonly peer: string | undefined;
}

/** A call that did not end with OK, as it is kept and shown. */
export interface CallFailure {
  readonly grpcCode: number;
  readonly message: string;
  readonly peer: string | undefined;
}

/**
 * What a call means for its branch.
 * - `done`: the participant did it.
 * - `refused`: it will not do it; in phase one that is final and nothing was applied.
 * - `again`: it asks to be called again; in phase one it promises that nothing was applied.
 * - `parked`: it asks for an operator (phase two only).
 * - `unknown`: nobody knows whether it was done.
 */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly failure: CallFailure }
  | { readonly kind: 'again'; readonly failure: CallFailure; readonly afterMs: number | undefined }
  | { readonly kind: 'parked'; readonly failure: CallFailure; readonly conflict: boolean }
  | { readonly kind: 'unknown'; readonly failure: CallFailure };

/** Reads a reply by the branch's dialect. `dtm` is refused at registration, so it cannot arrive here. */
export function outcomeOf(dialect: Dialect, phase: Phase, reply: CallReply): Outcome {
  switch (dialect) {
    case 'tercet':
      return tercetOutcome(phase, reply);
    case 'dtm':
      throw new Error('bug: a branch of dialect dtm was called; registration refuses it');
    default:
      return assertNever(dialect, 'dialect');
  }
}

/**
 * OK = done; FAILED_PRECONDITION with a verdict = what the verdict says; anything else = unknown, because a proxy
 * or a dying process can answer any code after the work was done.
 */
function tercetOutcome(phase: Phase, reply: CallReply): Outcome {
  if (reply.code === grpcCode.OK) return { kind: 'done' };
  const failure = { grpcCode: reply.code, message: reply.message, peer: reply.peer };
  if (reply.code !== grpcCode.FAILED_PRECONDITION) return { kind: 'unknown', failure };
  switch (reply.verdict) {
    case 'reject':
      return { kind: 'refused', failure };
    case 'retry':
      return { kind: 'again', failure, afterMs: reply.retryAfterMs };
    case 'park':
    case 'conflict':
      // A Try has nobody to park it for: its initiator is waiting, so it counts as unknown and is cancelled.
      if (phase === 'try') return { kind: 'unknown', failure };
      return { kind: 'parked', failure, conflict: reply.verdict === 'conflict' };
    case undefined:
    default:
      return { kind: 'unknown', failure };
  }
}
