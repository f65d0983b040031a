import { describe, expect, test } from '@jest/globals';
import {
  type ErrorCode,
  type ErrorEntry,
  TercetError,
  errorCatalogue,
  isErrorCode,
  toTercetError,
} from './errors';

const rows = Object.entries(errorCatalogue) as [ErrorCode, ErrorEntry][];

/** HTTP status of each gRPC status, as in google.rpc.Code's comments; the state conflicts are 409 throughout. */
const httpOf: Readonly<Record<ErrorEntry['rpc'], readonly number[]>> = {
  INVALID_ARGUMENT: [400],
  DEADLINE_EXCEEDED: [504],
  NOT_FOUND: [404],
  ALREADY_EXISTS: [409],
  RESOURCE_EXHAUSTED: [429],
  FAILED_PRECONDITION: [409],
  ABORTED: [409],
  UNIMPLEMENTED: [501],
  INTERNAL: [500],
  UNAVAILABLE: [503],
  CANCELLED: [499],
  UNAUTHENTICATED: [401],
  PERMISSION_DENIED: [403],
};

/** Exit codes that fit a gRPC status: 1 general, 2 usage, 3 auth, 4 not found, 5 refused, 6 unavailable, 130 interrupted. */
const exitsOf: Readonly<Record<ErrorEntry['rpc'], readonly number[]>> = {
  INVALID_ARGUMENT: [2],
  DEADLINE_EXCEEDED: [6],
  NOT_FOUND: [4],
  ALREADY_EXISTS: [5],
  RESOURCE_EXHAUSTED: [5, 6],
  FAILED_PRECONDITION: [5],
  ABORTED: [5],
  UNIMPLEMENTED: [1],
  INTERNAL: [1],
  UNAVAILABLE: [6],
  CANCELLED: [130],
  UNAUTHENTICATED: [3],
  PERMISSION_DENIED: [3],
};

/** Statuses after which gRPC clients may send the same request again. */
const mayBeRetried: readonly ErrorEntry['rpc'][] = [
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
];

describe('the error catalogue', () => {
  test('has rows', () => expect(rows.length).toBeGreaterThanOrEqual(25));

  describe.each(rows)('%s', (code, row) => {
    test('is a constant in capitals', () => expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/));

    test('has the HTTP status that belongs to its gRPC status', () => {
      expect(httpOf[row.rpc]).toContain(row.http);
    });

    test('has an exit code of the CLI that fits', () => {
      expect(exitsOf[row.rpc]).toContain(row.exit);
    });

    test('is retryable only with a status that means "later"', () => {
      expect(row.retryable).toBe(mayBeRetried.includes(row.rpc));
    });

    test('says what happened and what to do, in sentences', () => {
      expect(row.text).toMatch(/^[A-Z].{10,}\.$/);
      expect(row.hint).toMatch(/^[A-Z].{10,}\.$/);
      expect(row.hint).not.toBe(row.text);
    });

    test('names its code nowhere in the text: transports add it', () => {
      expect(`${row.text} ${row.hint}`).not.toContain(code);
    });
  });

  test('no two rows have the same text', () => {
    expect(new Set(rows.map(([, row]) => row.text)).size).toBe(rows.length);
  });
});

describe('isErrorCode', () => {
  test.each(rows.map(([code]) => code))('knows %s', (code) => {
    expect(isErrorCode(code)).toBe(true);
  });

  test.each(['', 'internal', 'toString', '__proto__', 'constructor'])(
    'does not know "%s"',
    (text) => {
      expect(isErrorCode(text)).toBe(false);
    },
  );
});

describe('TercetError', () => {
  test('takes text, hint and retryable from the catalogue', () => {
    const error = new TercetError('STORE_UNAVAILABLE');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('TercetError');
    expect(error.message).toBe(errorCatalogue.STORE_UNAVAILABLE.text);
    expect(error.hint).toBe(errorCatalogue.STORE_UNAVAILABLE.hint);
    expect(error.retryable).toBe(true);
    expect(error.details).toEqual({});
    expect(error.gid).toBeUndefined();
    expect('cause' in error).toBe(false);
  });

  test('carries its own text, facts and cause where it has them', () => {
    const cause = new Error('disk full');
    const init = { message: 'no room', details: { gid: 'order-1', field: 'payload' }, cause };
    const error = new TercetError('INVALID_ARGUMENT', init);
    expect(error.message).toBe('no room');
    expect(error.gid).toBe('order-1');
    expect(error.details).toEqual({ gid: 'order-1', field: 'payload' });
    expect(error.cause).toBe(cause);
    expect(error.retryable).toBe(false);
  });
});

describe('toTercetError', () => {
  test('passes a TercetError through as it is', () => {
    const error = new TercetError('MOVED');
    expect(toTercetError(error)).toBe(error);
  });

  test.each([[new Error('boom')], ['a text'], [null], [{ code: 'MOVED' }]])(
    'makes %p an INTERNAL error with the original as its cause and not in its text',
    (thrown) => {
      const error = toTercetError(thrown);
      expect(error.code).toBe('INTERNAL');
      expect(error.cause).toBe(thrown);
      expect(error.message).toBe(errorCatalogue.INTERNAL.text);
    },
  );
});
