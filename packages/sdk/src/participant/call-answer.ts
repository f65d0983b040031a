/** How a call of an action is answered, before a transport puts it into words of its own. */
import { status } from '@grpc/grpc-js';
import { type BranchId, plainText } from '@tercet/core';
import type { MethodLike } from '../service-definition';
import { EncodedReply } from './encoded-reply';

/** Bytes of a percent-encoded text. With the details and the rest it stays below the 8 KiB that many peers take. */
const TEXT_BYTES_MAX = 2_048;
const NOTHING = Buffer.alloc(0);

/** OK. */
export interface CallReply {
  readonly kind: 'reply';
  /** The reply message, or an EncodedReply; undefined = the empty one. */
  readonly reply: unknown;
  /** Nested branches whose Try succeeded. */
  readonly branches: readonly BranchId[];
}

/** Anything but OK. */
export interface CallRefusal {
  readonly kind: 'refusal';
  readonly code: status;
  /** At most 1,024 characters of well-formed text. */
  readonly message: string;
  readonly verdict: 'reject' | 'retry' | 'park' | 'conflict' | undefined;
  /** With `retry`. */
  readonly retryAfterMs: number | undefined;
  /** With `reject`: JSON in UTF-8. */
  readonly details: Buffer | undefined;
}

/** How a call is answered. */
export type CallAnswer = CallReply | CallRefusal;

/** A refusal without verdict. Any text will do: what cannot travel is mended. */
export function refusal(code: status, text: unknown): CallRefusal {
  return {
    kind: 'refusal',
    code,
    message: plainText(text, TEXT_BYTES_MAX),
    verdict: undefined,
    retryAfterMs: undefined,
    details: undefined,
  };
}

/** The empty message of a reply: no bytes are the empty message of every type. */
export function emptyReply(method: MethodLike): unknown {
  return method.responseDeserialize(NOTHING);
}

/** Encodes a reply as grpc-js does for a unary call; `undefined` = it cannot be. */
export function encodedReply(method: MethodLike, reply: unknown): Uint8Array | undefined {
  try {
    return replyBytes(method, reply);
  } catch {
    return undefined;
  }
}

/** The same, throwing why it cannot be. */
export function replyBytes(method: MethodLike, reply: unknown): Uint8Array {
  if (reply === undefined) return NOTHING;
  if (reply instanceof EncodedReply) return reply.bytes;
  const bytes: unknown = method.responseSerialize(reply as never);
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError('its serializer gave no bytes');
}

/** What a call is answered with while its service stops. */
export function stopping(): CallRefusal {
  return refusal(status.UNAVAILABLE, 'this participant is stopping');
}
