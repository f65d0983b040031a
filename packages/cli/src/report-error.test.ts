import { describe, expect, test } from '@jest/globals';
import { TercetError, errorCatalogue, isErrorCode } from '@tercet/core';
import { exitCodeOf, exitCodes } from './exit-codes';
import { type ReportOptions, reportError } from './report-error';
import { UsageError } from './usage-error';

function told(
  error: unknown,
  options: Partial<ReportOptions> = {},
): { readonly text: string; readonly exitCode: number } {
  let text = '';
  const err = { write: (more: string) => void (text += more), isTTY: false, columns: undefined };
  const exitCode = reportError(error, err, { json: false, debug: false, ...options });
  return { text, exitCode };
}

test('an error of the catalogue is its message and its hint', () => {
  expect(told(new TercetError('TRANSACTION_NOT_FOUND'))).toEqual({
    text:
      'tercet: No such transaction is kept.\n' +
      `hint: ${errorCatalogue.TRANSACTION_NOT_FOUND.hint}\n`,
    exitCode: 4,
  });
});

test.each(['COORDINATOR_UNAVAILABLE', 'DEADLINE_EXCEEDED'] as const)(
  '%s sends nobody to a gid: who only looks need not have one',
  (code) => {
    const { text } = told(new TercetError(code, { message: 'no answer' }));
    expect(text).toBe(
      'tercet: no answer\nhint: Check that `tercet server` runs and that --address is right, or give it a longer --timeout; every command may be repeated.\n',
    );
  },
);

test.each(Object.keys(errorCatalogue).filter(isErrorCode))(
  '%s has a documented exit code',
  (code) => {
    const known: readonly number[] = Object.values(exitCodes);
    expect(known).toContain(exitCodeOf(new TercetError(code)));
  },
);

test('a usage error says what to type instead', () => {
  expect(told(new UsageError("unknown command 'stuk'", 'Did you mean stuck?'))).toEqual({
    text: "tercet: unknown command 'stuk'\nhint: Did you mean stuck?\n",
    exitCode: 2,
  });
});

describe('an unexpected error', () => {
  const error = new Error('boom', { cause: new Error('deeper') });

  test('shows no stack', () => {
    expect(told(error)).toEqual({
      text:
        'tercet: unexpected error: boom\n' +
        'hint: This should not happen. Run it again with --debug to see where it came from.\n',
      exitCode: 1,
    });
  });

  test('shows its stack and its causes with --debug', () => {
    const { text } = told(error, { debug: true });
    expect(text).toContain(`Error: boom\n    at `);
    expect(text).toContain(`caused by: Error: deeper\n    at `);
  });

  test('need not be an Error', () => {
    expect(told('boom', { debug: true }).text).toMatch(
      /^tercet: unexpected error: boom\n.*\nboom\n$/,
    );
  });
});

test('a list of problems keeps its lines, a terminal is told nothing else', () => {
  const { text } = told(
    new TercetError('CONFIG_INVALID', { message: 'two:\n  - \u001b[2Ja\n  - b' }),
  );
  expect(text).toMatch(/^tercet: two:\n {2}- \[2Ja\n {2}- b\nhint: /);
});

test('as JSON it is one object', () => {
  const error = new TercetError('TRANSACTION_NOT_FOUND', { details: { gid: 'x' } });
  const { text, exitCode } = told(error, { json: true });
  expect(exitCode).toBe(4);
  expect(JSON.parse(text)).toEqual({
    error: {
      code: 'TRANSACTION_NOT_FOUND',
      message: 'No such transaction is kept.',
      hint: errorCatalogue.TRANSACTION_NOT_FOUND.hint,
      retryable: false,
      exitCode: 4,
      details: { gid: 'x' },
    },
  });
});

test('as JSON with --debug it carries the stack', () => {
  const { text } = told(new Error('boom'), { json: true, debug: true });
  expect(JSON.parse(text)).toMatchObject({
    error: { code: 'INTERNAL', exitCode: 1, stack: expect.stringContaining('at ') },
  });
});
