/** What a handler threw → gRPC status and trailers. Only the message leaves, never a stack. */
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { limits, metadataKeys } from '@tercet/core';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** Bytes of details that are sent; HTTP/2 peers take 8 KiB of headers by default. */
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
  return plainStatus(status.UNKNOWN, textOf(error));
}

/** Whether a thrown value is a verdict: expected, no fault of the handler. */
export function isVerdict(error: unknown): boolean {
  return error instanceof TccReject || error instanceof TccRetry || error instanceof TccPark;
}

/** A status without verdict. */
export function plainStatus(code: status, details: string): StatusObject {
  return { code, details: details.slice(0, limits.textLengthMax), metadata: new Metadata() };
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

function textOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return typeof error === 'string' ? error : `the handler threw a ${typeof error} that is no Error`;
}
