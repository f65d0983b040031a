/** What an error in a local transaction becomes for the caller. */
import { BarrierError, isError, textOfCause } from '../errors';
import { TccPark, TccReject, TccRetry } from '../participant/verdicts';
import type { BarrierCall } from './barrier';
import { RestartNeeded, detailsOf } from './restarts';
import { handlerOf, labelOf } from './rules';
import type { SqlDialect, SqlFailure } from './sql-dialect';

/** Libraries wrap the driver's error, and wrap that again. */
const CAUSES_MAX = 8;

/** What the error means, or the first of its causes that means something. */
export function failureWithin(dialect: SqlDialect, error: unknown): SqlFailure {
  let at: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && at !== undefined && at !== null; depth += 1) {
    const failure = dialect.failureOf(at);
    if (failure !== 'other') return failure;
    at = isError(at) ? at.cause : undefined;
  }
  return 'other';
}

/** An error of the barrier's own statements, of BEGIN among them. Nothing of the call is committed. */
export function statementFailure(dialect: SqlDialect, call: BarrierCall, error: unknown): Error {
  if (isFinal(error)) return error;
  switch (failureWithin(dialect, error)) {
    case 'restart':
      return new RestartNeeded('the server asks for it', error);
    case 'locked':
      return new TccRetry({ reason: 'barrier: row locked' });
    case 'no-table':
      return tableMissing(error);
    case 'other':
      return new BarrierError(`the barrier of ${labelOf(call)} failed: ${textOfCause(error)}`, {
        details: detailsOf(call),
        cause: error,
      });
  }
}

/** What the work threw: as it is, unless the server asks for the whole transaction again. A verdict is meant as it is said. */
export function workFailure(dialect: SqlDialect, error: unknown): unknown {
  if (error instanceof TccReject || error instanceof TccRetry || error instanceof TccPark) {
    return error;
  }
  return failureWithin(dialect, error) === 'restart'
    ? new RestartNeeded('the handler met it', error)
    : error;
}

/** An error of COMMIT: only a serialisation failure says for certain that nothing was committed. */
export function commitFailure(dialect: SqlDialect, call: BarrierCall, error: unknown): Error {
  if (error instanceof BarrierError) return error;
  if (failureWithin(dialect, error) === 'restart') return new RestartNeeded('at COMMIT', error);
  return new BarrierError(
    `COMMIT of ${labelOf(call)} failed or was not answered, so nobody knows whether it took effect: ` +
      `${textOfCause(error)}. The call comes again and finds out`,
    { details: detailsOf(call), cause: error },
  );
}

/**
 * This is not the transaction that was begun, or a spoilt one. `why` is what says so; undefined = the last statement did not
 * find the call's own row. `thrown` is what the handler threw besides.
 */
export function cannotBeCommitted(
  call: BarrierCall,
  why: unknown = 'its row is not there any more',
  thrown?: unknown,
): BarrierError {
  const also = thrown === undefined ? '' : `; it also threw: ${textOfCause(thrown)}`;
  return new BarrierError(
    `the local transaction of ${handlerOf(call)} cannot be committed: ${textOfCause(why)}${also}. Unless the connection was ` +
      'lost, the handler caught an SQL error and went on, ended the transaction itself, or ran DDL: let SQL errors pass, or ' +
      'roll back to a savepoint after one; leave COMMIT and ROLLBACK to the barrier; move DDL to a migration',
    { details: detailsOf(call), cause: thrown ?? (why instanceof Error ? why : undefined) },
  );
}

/** The barrier's table is not in the database. */
export function tableMissing(cause: unknown): BarrierError {
  return new BarrierError(
    `the table tercet_barrier is missing in the database that the barrier works in (${textOfCause(cause)}): ` +
      'run `tercet barrier migrate` or `await barrier.migrate()`, or hand over the pool of the right database',
    { cause },
  );
}

function isFinal(error: unknown): error is Error {
  return (
    error instanceof BarrierError || error instanceof RestartNeeded || error instanceof TccRetry
  );
}
