/** What the command's exit code means. Errors with a code of the catalogue take theirs from there. */
import { TercetError, errorCatalogue } from '@tercet/core';
import { UsageError } from './usage-error';

/** Exit codes. Stable: scripts branch on them. */
export const exitCodes = {
  ok: 0,
  /** Something went wrong that has no code of its own. */
  general: 1,
  /** The command line or a setting is wrong. */
  usage: 2,
  /** The coordinator does not accept the caller. */
  auth: 3,
  notFound: 4,
  /** The state of things does not allow it. */
  refused: 5,
  /** No answer, or none in time. */
  unavailable: 6,
  /** `--check` found something. */
  found: 8,
  interrupted: 130,
} as const;

/** Lines for `tercet --help`. */
export const exitCodesHelp = [
  '0 ok · 1 general error · 2 usage · 3 not authorised · 4 not found · 5 refused by the state',
  '6 unavailable or timed out · 8 --check found something · 130 interrupted',
] as const;

/** The exit code for whatever a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof TercetError) return errorCatalogue[error.code].exit;
  return exitCodes.general;
}
