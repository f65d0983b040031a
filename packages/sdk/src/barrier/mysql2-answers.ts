/** What mysql2 answers statements with, and what it tells of the transaction. */

/** The server's state after a statement, as its answer had it. */
export interface ServerState {
  readonly inTransaction: boolean;
  readonly autocommit: boolean;
}

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/** undefined: an answer of rows, which does not show it. Rows end no transaction. */
export function stateOf(result: unknown): ServerState | undefined {
  // A procedure's results end with its own answer, those of several statements with that of the last one.
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  const header = last as { readonly constructor?: { readonly name?: unknown } } | null | undefined;
  if (header?.constructor?.name !== 'ResultSetHeader') return undefined;
  const { serverStatus } = last as { readonly serverStatus?: unknown };
  if (typeof serverStatus !== 'number') return undefined;
  return {
    inTransaction: (serverStatus & IN_TRANSACTION) !== 0,
    autocommit: (serverStatus & AUTOCOMMIT) !== 0,
  };
}

/** Errors with which the server has rolled the whole transaction back: a deadlock, locks that do not fit in memory. */
const rolledBack = new Set([1213, 1206]);

/** The number of the server's error; undefined: it is not the server's. */
export function errnoOf(error: unknown): number | undefined {
  const { errno, sqlState } = (error ?? {}) as {
    readonly errno?: unknown;
    readonly sqlState?: unknown;
  };
  return typeof errno === 'number' && typeof sqlState === 'string' ? errno : undefined;
}

/** Whether the transaction is over for certain after this error. */
export function endsTransaction(error: unknown): boolean {
  return rolledBack.has(errnoOf(error) ?? 0);
}
