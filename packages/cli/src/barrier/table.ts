/** What the commands do with the barrier's table of one database. */
import { TercetError } from '@tercet/core';
import type { CliDeps } from '../cli-deps';
import { type DatabaseUrl, withoutSecrets } from './database-url';
import { type OpenBarrier, openBarrier } from './open-database';

/** What was found of a table, or made of it. */
export interface TableReport {
  /** The database, without its password. */
  readonly database: string;
  /** What is missing, and how to make it; undefined = the barrier can use it. */
  readonly problem: string | undefined;
}

type Outside = Pick<CliDeps, 'loadBarriers' | 'loadFromProject' | 'fileExists'>;

/** Creates the table, or brings it up to date. Rejects with BARRIER_UNAVAILABLE where that cannot be done. */
export async function migrateTable(url: DatabaseUrl, deps: Outside): Promise<TableReport> {
  await using(url, deps, async ({ migrate, check }) => {
    await migrate();
    await check();
  });
  return { database: url.shown, problem: undefined };
}

/** Looks whether the barrier could use its table. Changes nothing; a file that is not there is not made. */
export async function checkTable(url: DatabaseUrl, deps: Outside): Promise<TableReport> {
  if (url.family === 'sqlite' && !deps.fileExists(url.target)) {
    return { database: url.shown, problem: 'there is no such file' };
  }
  try {
    await using(url, deps, ({ check }) => check());
    return { database: url.shown, problem: undefined };
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    return { database: url.shown, problem: error.message };
  }
}

interface Calls {
  readonly check: () => Promise<void>;
  readonly migrate: () => Promise<void>;
}

/** Opens the barrier for `work` and closes it whatever happens. No error of it shows what is secret. */
async function using(
  url: DatabaseUrl,
  deps: Outside,
  work: (calls: Calls) => Promise<void>,
): Promise<void> {
  let opened: OpenBarrier | undefined;
  try {
    opened = openBarrier(url, deps);
    const { barrier } = opened;
    await work({ check: () => barrier.check(), migrate: () => barrier.migrate() });
  } catch (error) {
    throw toldSafely(error, url);
  } finally {
    // What it was opened for has ended one way or the other; a connection that cannot be closed changes neither.
    await opened?.close().catch(() => {});
  }
}

/** What a driver throws has no code of ours. */
function toldSafely(error: unknown, url: DatabaseUrl): unknown {
  censor(error, url);
  if (error instanceof TercetError || !isOfDriver(error)) return error;
  return new TercetError('BARRIER_UNAVAILABLE', {
    message: `${url.shown} cannot be used: ${error.message}`,
    cause: error,
  });
}

/** Errors of drivers carry a code of the system, the server or SQLite; ours and programming errors do not. */
function isOfDriver(error: unknown): error is { readonly message: string } {
  return isObject(error) && 'code' in error && typeof error['message'] === 'string';
}

/** Native drivers throw errors of another realm where this runs in jest: `instanceof` would not know them. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isUnavailable(error: unknown): error is TercetError {
  return error instanceof TercetError && error.code === 'BARRIER_UNAVAILABLE';
}

/** Takes what is secret out of an error and its causes; `--debug` shows stacks. */
function censor(error: unknown, url: DatabaseUrl): void {
  if (!isObject(error)) return;
  for (const key of ['message', 'stack']) {
    const text = error[key];
    if (typeof text === 'string') error[key] = withoutSecrets(text, url);
  }
  censor(error['cause'], url);
}
