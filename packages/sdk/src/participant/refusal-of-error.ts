/** What a handler threw → the answer. Only the message leaves, never a stack. */
import { status } from '@grpc/grpc-js';
import { TercetError } from '@tercet/core';
import { BarrierConflictError } from '../errors';
import { isError } from '../errors';
import { kindOf } from '../value-text';
import { type CallRefusal, refusal } from './call-answer';
import { NestedWorkError } from './nested-failure';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** Bytes of details that are sent; in base64, as they travel in a header, 5,464. */
const DETAILS_BYTES_MAX = 4_096;

/** What a Try is told whose Cancel has come. */
export const LATE_TRY = 'this branch was cancelled before; the Try was not started';

/** A Try whose Cancel came before it: the barrier keeps it out, as often as it comes. Expected, no fault of anybody. */
export class LateTryError extends TercetError {
  override readonly name: string = 'LateTryError';

  constructor() {
    super('ALREADY_DECIDED', { message: LATE_TRY });
  }
}

/** The answer to a thrown value: a verdict, else UNKNOWN. */
export function refusalOf(error: unknown): CallRefusal {
  if (error instanceof TccReject) {
    return { ...verdict('reject', error), details: detailsOf(error.details) };
  }
  if (error instanceof TccPark) return verdict('park', error);
  if (error instanceof TccRetry) {
    return { ...verdict('retry', error), retryAfterMs: error.afterMs };
  }
  if (error instanceof BarrierConflictError) return verdict('conflict', error);
  const aborted = error instanceof NestedWorkError || error instanceof LateTryError;
  const code = aborted ? status.ABORTED : status.UNKNOWN;
  return refusal(code, textOfThrown('the handler', error));
}

/** Whether a thrown value is a verdict: expected, no fault of the handler. */
export function isVerdict(error: unknown): boolean {
  return error instanceof TccReject || error instanceof TccRetry || error instanceof TccPark;
}

/** What a thrown value says. JavaScript lets anything be thrown, and anything be the message or the name of an Error. */
export function textOfThrown(who: string, error: unknown): unknown {
  if (isError(error)) return error.message === '' ? error.name : error.message;
  if (typeof error === 'string') return error;
  const joint = error === undefined || error === null ? ', which' : ' that';
  return `${who} threw ${kindOf(error)}${joint} is no Error`;
}

function verdict(word: NonNullable<CallRefusal['verdict']>, error: Error): CallRefusal {
  return { ...refusal(status.FAILED_PRECONDITION, error.message), verdict: word };
}

function detailsOf(details: unknown): Buffer | undefined {
  const text = jsonOf(details);
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length > DETAILS_BYTES_MAX ? undefined : bytes;
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
