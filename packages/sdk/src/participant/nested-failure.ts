/** What a failed nested Try makes of the call that it is nested in: rules N4 to N6 of nested-work.ts. */
import { type BranchId, TercetError } from '@tercet/core';
import { TryRejectedError, TryUnknownError, textOfCause } from '../errors';
import { TccReject, TccRetry } from './verdicts';

/** How a handler, or the chain around it, ended. */
export type HandlerEnd =
  | { readonly kind: 'returned'; readonly reply: unknown }
  | { readonly kind: 'threw'; readonly error: unknown };

/** The nested Try of a call that failed first. */
export interface NestedFailure {
  readonly action: string;
  /** undefined = it got none, because it could not be registered at all. */
  readonly branchId: BranchId | undefined;
  readonly error: unknown;
  /** The handler had thrown before, which stopped this one. */
  readonly stopped: boolean;
}

/** Why a Try with nested work is answered as unknown. Its text names the nested branch. */
export class NestedWorkError extends TercetError {
  override readonly name: string = 'NestedWorkError';

  constructor(message: string, cause: unknown) {
    super('TRY_UNKNOWN', { message, cause });
  }
}

/** How the parent ends. Asked again with its own answer, it gives the same. */
export function endOfParent(end: HandlerEnd, failure: NestedFailure): HandlerEnd {
  if (end.kind === 'threw' && stands(end.error, failure)) return end;
  const error = rejectOf(end, failure) ?? unknownOf(end, failure);
  return { kind: 'threw', error };
}

/** N4. A retry would go on with nested branches whose end nobody knows. */
function stands(thrown: unknown, failure: NestedFailure): boolean {
  if (thrown instanceof NestedWorkError) return true;
  return failure.stopped && !(thrown instanceof TccRetry);
}

/** N5. */
function rejectOf(end: HandlerEnd, { error }: NestedFailure): TccReject | undefined {
  if (end.kind !== 'threw' || !(error instanceof TryRejectedError)) return undefined;
  const why = textOf(error);
  if (end.error === error) return new TccReject(why, error.failure.details);
  if (!(end.error instanceof TccReject)) return undefined;
  const own = end.error;
  if (own.message.includes(error.reason)) return own;
  return new TccReject(`${own.message} (${why})`, own.details ?? error.failure.details);
}

/** N6. */
function unknownOf(end: HandlerEnd, failure: NestedFailure): NestedWorkError {
  const why = whyOf(failure);
  if (end.kind === 'returned' || end.error === failure.error) {
    return new NestedWorkError(why, failure.error);
  }
  return new NestedWorkError(
    `${why}; then the handler threw: ${textOfCause(end.error)}`,
    end.error,
  );
}

function whyOf({ action, branchId, error }: NestedFailure): string {
  if (error instanceof TryRejectedError || error instanceof TryUnknownError) return textOf(error);
  const label = branchId === undefined ? action : `${action} (branch ${branchId})`;
  return `nested Try ${label} failed: ${textOfCause(error)}`;
}

/** The innermost branch says what happened; those around it would only hide that behind their own names. */
function textOf({ failure, message }: TryRejectedError | TryUnknownError): string {
  return failure.message.startsWith('nested Try ') ? failure.message : `nested ${message}`;
}
