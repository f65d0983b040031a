/** What a handler threw → gRPC status and trailers. Only the message leaves, never a stack. */
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { metadataKeys, plainText } from '@tercet/core';
import { kindOf } from '../value-text';
import { NestedWorkError } from './nested-failure';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** Bytes of a percent-encoded text. With the details and the rest it stays below the 8 KiB that many peers take. */
const TEXT_BYTES_MAX = 2_048;
/** Bytes of details that are sent; in base64, as they travel, 5,464. */
const DETAILS_BYTES_MAX = 4_096;

/** The status of a thrown value: a verdict, else UNKNOWN. */
export function statusOfError(error: unknown): StatusObject {
  if (error instanceof TccReject) return verdict('reject', error, detailsTrailer(error.details));
  if (error instanceof TccPark) return verdict('park', error, {});
  if (error instanceof TccRetry) {
    const after =
      error.afterMs === undefined ? {} : { [metadataKeys.retryAfterMs]: String(error.afterMs) };
    return verdict('retry', error, after);
  }
  const code = error instanceof NestedWorkError ? status.ABORTED : status.UNKNOWN;
  return plainStatus(code, textOf(error));
}

/** Whether a thrown value is a verdict: expected, no fault of the handler. */
export function isVerdict(error: unknown): boolean {
  return error instanceof TccReject || error instanceof TccRetry || error instanceof TccPark;
}

/** A status without verdict. Any text will do: grpc-js throws where one is not well-formed. */
export function plainStatus(code: status, text: unknown): StatusObject {
  return { code, details: plainText(text, TEXT_BYTES_MAX), metadata: new Metadata() };
}

function verdict(
  word: 'reject' | 'retry' | 'park',
  error: Error,
  trailers: Readonly<Record<string, string | Buffer>>,
): StatusObject {
  const answer = plainStatus(status.FAILED_PRECONDITION, error.message);
  answer.metadata.set(metadataKeys.verdict, word);
  for (const [key, value] of Object.entries(trailers)) answer.metadata.set(key, value);
  return answer;
}

function detailsTrailer(details: unknown): Readonly<Record<string, Buffer>> {
  const text = jsonOf(details);
  if (text === undefined) return {};
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length > DETAILS_BYTES_MAX ? {} : { [metadataKeys.rejectDetails]: bytes };
}

/** JSON, bigints as text; undefined where the value has none (it is circular, a function, nothing). */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'bigint' ? String(inner) : inner,
    );
  } catch {
    return undefined;
  }
}

/** JavaScript lets anything be the message or the name of an Error. */
function textOf(error: unknown): unknown {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  if (typeof error === 'string') return error;
  const joint = error === undefined || error === null ? ', which' : ' that';
  return `the handler threw ${kindOf(error)}${joint} is no Error`;
}
