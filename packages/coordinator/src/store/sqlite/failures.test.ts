import { describe, expect, it } from '@jest/globals';
import { KnownFailure, type Stage, describe as describeError, failureOf } from './failures';

/** An error as the driver throws it. */
function sqliteError(errcode: number, message = 'it went wrong'): Error {
  return Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode });
}

const kindOf = (errcode: number, stage: Stage): string => {
  const wire = failureOf(sqliteError(errcode), stage);
  return wire.kind === 'store' ? wire.failure : wire.kind;
};

describe('an error of SQLite', () => {
  it.each([
    ['BUSY', 5, 'transient', 'transient'],
    ['BUSY_SNAPSHOT', 517, 'transient', 'transient'],
    ['LOCKED', 6, 'transient', 'transient'],
    ['READONLY', 8, 'unavailable', 'unavailable'],
    ['FULL', 13, 'unavailable', 'unavailable'],
    ['CONSTRAINT_PRIMARYKEY', 1555, 'data', 'unavailable'],
    ['CONSTRAINT_DATATYPE', 3091, 'data', 'unavailable'],
    ['MISMATCH', 20, 'data', 'unknown'],
    ['TOOBIG', 18, 'data', 'unknown'],
    ['IOERR', 10, 'unavailable', 'unknown'],
    ['IOERR_FSYNC', 1034, 'unavailable', 'unknown'],
    ['CORRUPT', 11, 'unavailable', 'unknown'],
    ['NOMEM', 7, 'unavailable', 'unknown'],
  ])('%s means what is certain: only COMMIT leaves a doubt (S4)', (_, errcode, before, commit) => {
    expect(kindOf(errcode, 'before-commit')).toBe(before);
    expect(kindOf(errcode, 'commit')).toBe(commit);
  });

  it('is named in the message', () => {
    expect(describeError(sqliteError(1034, 'disk I/O error'))).toBe('SQLITE_IOERR: disk I/O error');
    expect(describeError(sqliteError(23, 'not authorized'))).toBe('SQLITE_23: not authorized');
    expect(describeError('a text')).toBe('a text');
  });
});

describe('any other error', () => {
  it('is the data’s fault before COMMIT: a value could not be bound (S4)', () => {
    const wire = failureOf(new TypeError('cannot be bound'), 'before-commit');
    expect(wire).toEqual({ kind: 'store', failure: 'data', message: 'cannot be bound' });
  });

  it('keeps what is known already', () => {
    const wire = { kind: 'tercet', code: 'STORE_IN_USE', message: 'held' } as const;
    expect(failureOf(new KnownFailure(wire), 'commit')).toBe(wire);
  });
});
