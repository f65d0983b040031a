/** The one place that tells people and scripts what went wrong. Never a stack, unless `--debug` asks for it. */
import { type ErrorCode, TercetError } from '@tercet/core';
import type { Output } from './cli-deps';
import { exitCodeOf } from './exit-codes';
import { jsonText } from './printers/json';
import { UsageError } from './usage-error';

/** How to tell. */
export interface ReportOptions {
  /** As one JSON object. Default: as text. */
  readonly json: boolean;
  /** With stack and causes. */
  readonly debug: boolean;
}

/** Writes the error to `err` and returns the exit code. */
export function reportError(error: unknown, err: Output, options: ReportOptions): number {
  const exitCode = exitCodeOf(error);
  const { code, message, hint, retryable, details } = factsOf(error);
  if (options.json) {
    const stack = options.debug ? { stack: stackOf(error) } : {};
    err.write(
      `${jsonText({ error: { code, message, hint, retryable, exitCode, details, ...stack } })}\n`,
    );
    return exitCode;
  }
  err.write(`tercet: ${printable(message)}\nhint: ${printable(hint)}\n`);
  if (options.debug) err.write(`${stackOf(error)}\n`);
  return exitCode;
}

interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, string>>;
}

const noAnswer =
  'Check that `tercet server` runs and that --address is right, or give it a longer --timeout; every command may be repeated.';

/** The catalogue's hints are for who runs transactions: "ask again by gid". Our commands are just typed again. */
const hintsForAsking: { readonly [code in ErrorCode]?: string } = {
  BARRIER_UNAVAILABLE:
    'Mend what the message names and run it again; every command may be repeated.',
  COORDINATOR_UNAVAILABLE: noAnswer,
  DEADLINE_EXCEEDED: noAnswer,
  NOT_BUILT_YET: 'Give what the message allows, or ask a coordinator that has it.',
};

function factsOf(error: unknown): ErrorFacts {
  if (error instanceof TercetError) {
    const { code, message, hint, retryable, details } = error;
    return { code, message, hint: hintsForAsking[code] ?? hint, retryable, details };
  }
  const message = error instanceof Error ? error.message : String(error);
  const none = { retryable: false, details: {} };
  if (error instanceof UsageError) {
    return { code: 'INVALID_ARGUMENT', message, hint: error.hint, ...none };
  }
  const hint = 'This should not happen. Run it again with --debug to see where it came from.';
  return { code: 'INTERNAL', message: `unexpected error: ${message}`, hint, ...none };
}

/** Lists of problems keep their lines; anything else that a terminal would obey goes. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}
