/** What was called, in its order. */
import { type Phase, grpcCode, serviceOf } from '@tercet/core';
import type { ParticipantReply } from '@tercet/runtime';
import type { OutgoingCall } from './calls/outgoing-call';

/** How a call ended for whoever sent it. */
export interface RecordedAnswer {
  /** gRPC code. */
  readonly code: number;
  /** Its name: `OK`, `UNAVAILABLE`. */
  readonly status: string;
  readonly message: string;
  /** `reject`, `retry` or `park`, where the participant said so. */
  readonly verdict: string | undefined;
}

/** One call of a participant. Plain data, a copy: later changes are not seen. */
export interface RecordedCall {
  /** Virtual Unix ms at which it left. */
  readonly at: number;
  /** Virtual Unix ms at which it ended; undefined = it is under way. */
  readonly endedAt: number | undefined;
  readonly gid: string;
  readonly runId: string;
  readonly branch: string;
  /** `shop.StockTcc`. */
  readonly service: string;
  readonly action: string;
  readonly phase: Phase;
  /** 1 for the first call of the phase. */
  readonly attempt: number;
  readonly target: string;
  /** How often it reached the wire: 0 for one that a fault ended, 2 for a duplicated one. */
  readonly sent: number;
  /** The fault that it met; undefined = none. */
  readonly fault: string | undefined;
  /** Undefined = it is under way. */
  readonly answer: RecordedAnswer | undefined;
}

/** A record while its call is under way. */
export type OpenRecord = { -readonly [K in keyof RecordedCall]: RecordedCall[K] };

/** All calls. */
export class History {
  private readonly calls = new Map<string, OpenRecord[]>();

  /** A call leaves. One without context belongs to nobody, and is kept under an empty gid. */
  begin({ context, method, target }: OutgoingCall, at: number): OpenRecord {
    const record: OpenRecord = {
      at,
      endedAt: undefined,
      gid: context?.gid ?? '',
      runId: context?.runId ?? '',
      branch: context?.branchId ?? '',
      service: serviceOf(method),
      action: context?.action ?? '',
      phase: context?.phase ?? 'try',
      attempt: context?.attempt ?? 0,
      target,
      sent: 0,
      fault: undefined,
      answer: undefined,
    };
    const known = this.calls.get(record.gid);
    if (known === undefined) this.calls.set(record.gid, [record]);
    else known.push(record);
    return record;
  }

  /** The calls of a transaction, in the order in which they left. */
  of(gid: string): readonly RecordedCall[] {
    return (this.calls.get(gid) ?? []).map((record) => ({ ...record }));
  }
}

/** The answer of a call, as it is kept. */
export function recordedAnswer({ code, message, verdict }: ParticipantReply): RecordedAnswer {
  return { code, status: statusName(code), message, verdict };
}

/** `UNAVAILABLE`. */
export function statusName(code: number): string {
  const found = Object.entries(grpcCode).find(([, number]) => number === code);
  return found?.[0] ?? `code ${code}`;
}
