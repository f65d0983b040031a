import { describe as group, expect, it } from '@jest/globals';
import { TercetError } from '@tercet/core';
import { StoreFailure } from '../../store';
import { describe, failureOf, readFailureOf, sqlStateOf } from './failures';

/** An error as the driver makes it of the server's. */
function serverError(state: string): Error {
  return Object.assign(new Error('a text of the server'), { severity: 'ERROR', code: state });
}

group('an error of the server that is ready again', () => {
  it.each([
    // Serialization, deadlock, lock timeout.
    ['40001', 'transient'],
    ['40P01', 'transient'],
    ['55P03', 'transient'],
    // Nobody knows whether it was done.
    ['40003', 'unknown'],
    ['08006', 'unknown'],
    ['08P01', 'unknown'],
    // The administrator ends the connection; the server crashed.
    ['57P01', 'unknown'],
    ['57P02', 'unknown'],
    // Text, number, key; limits of a row.
    ['21000', 'data'],
    ['22021', 'data'],
    ['22003', 'data'],
    ['23505', 'data'],
    ['54000', 'data'],
    // Read-only, disk full, out of memory, too many connections, statement timeout, rights, starting up.
    ['25006', 'unavailable'],
    ['53100', 'unavailable'],
    ['53200', 'unavailable'],
    ['53300', 'unavailable'],
    ['57014', 'unavailable'],
    ['42501', 'unavailable'],
    ['57P03', 'unavailable'],
    ['42P01', 'unavailable'],
    ['XX001', 'unavailable'],
  ])('%s is %s', (state, kind) => {
    expect(failureOf(serverError(state), 'refused').kind).toBe(kind);
  });

  it('keeps the server’s number and text, and the error itself', () => {
    const error = serverError('53100');
    const failure = failureOf(error, 'refused');
    expect(failure.message).toBe('PostgreSQL 53100: a text of the server');
    expect(failure.cause).toBe(error);
  });
});

group('how far a statement had come decides first', () => {
  it.each(['53100', '40001', '57P01', '22021'])('%s before it was sent is unavailable', (state) => {
    expect(failureOf(serverError(state), 'before').kind).toBe('unavailable');
  });

  it.each(['53100', '40001', '22021'])(
    '%s, and no end of the connection heard, is unknown',
    (state) => {
      expect(failureOf(serverError(state), 'sent').kind).toBe('unknown');
    },
  );

  it.each([
    ['before', 'unavailable'],
    ['refused', 'unavailable'],
    ['sent', 'unknown'],
  ] as const)('a broken connection, %s, is %s', (stage, kind) => {
    const error = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    expect(sqlStateOf(error)).toBeUndefined();
    expect(failureOf(error, stage)).toMatchObject({
      kind,
      message: 'PostgreSQL: read ECONNRESET',
    });
  });

  it('what is a failure already stays one', () => {
    const failure = new StoreFailure('transient', 'text');
    expect(failureOf(failure, 'sent')).toBe(failure);
  });
});

group('an error of a reader', () => {
  it.each(['57P01', '08006', '40003'])('leaves no doubt: %s is unavailable', (state) => {
    expect(readFailureOf(serverError(state)).kind).toBe('unavailable');
  });

  it('keeps its kind otherwise', () => {
    expect(readFailureOf(serverError('40001')).kind).toBe('transient');
  });
});

group('the text', () => {
  it('of an error with several causes names each', () => {
    const causes = [new Error('connect ECONNREFUSED ::1:5432'), new Error('connect 127.0.0.1')];
    const text = 'PostgreSQL: connect ECONNREFUSED ::1:5432; connect 127.0.0.1';
    expect(describe(new AggregateError(causes))).toBe(text);
  });

  it('of Tercet’s own errors stands as it is', () => {
    expect(describe(new TercetError('CONFIG_INVALID', { message: 'do this' }))).toBe('do this');
  });

  it('of what is no error is what it says', () => {
    expect(describe('gone')).toBe('PostgreSQL: gone');
  });

  it('of a statement that a session does not know names the proxy that may be the reason', () => {
    expect(describe(serverError('26000'))).toMatch(/every transaction another session/);
  });
});
