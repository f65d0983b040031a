/** What a call was answered with, decoded and in words. */
import { grpcCode } from '@tercet/core';
import type { UnaryReply } from '@tercet/runtime';
import type { MethodLike } from '@tercet/sdk';
import { shown } from './difference';

/** An answer. */
export interface Answer {
  readonly ok: boolean;
  /** gRPC status code. */
  readonly code: number;
  readonly message: string;
  /** `reject`, `retry`, `park`, `conflict`; undefined = none. */
  readonly verdict: string | undefined;
  /** The decoded reply; undefined unless OK. */
  readonly reply: unknown;
  /** `OK { reservationId: 'r-1' }`, `ABORTED: this branch was cancelled before`. */
  readonly text: string;
}

const names = new Map(Object.entries(grpcCode).map(([name, code]) => [code as number, name]));

/** Reads what came back. */
export function answerOf(came: UnaryReply, method: MethodLike): Answer {
  const { code, message, verdict, payload } = came;
  const ok = code === grpcCode.OK;
  const reply = ok ? method.responseDeserialize(Buffer.from(payload ?? [])) : undefined;
  return { ok, code, message, verdict, reply, text: ok ? okText(reply) : refusedText(came) };
}

/** Whether calling again can help: the coordinator does so after these answers. */
export function mayRepeat({ verdict }: Answer): boolean {
  return verdict === undefined || verdict === 'retry';
}

function okText(reply: unknown): string {
  const text = shown(reply);
  return text === '{}' ? 'OK' : `OK ${text}`;
}

function refusedText({ code, message, verdict }: UnaryReply): string {
  const name = names.get(code) ?? String(code);
  return `${name}${verdict === undefined ? '' : ` (${verdict})`}: ${message}`;
}
