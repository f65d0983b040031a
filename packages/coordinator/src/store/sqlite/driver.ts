import { createRequire } from 'node:module';

/** A value that SQLite takes and gives. */
export type SqlValue = string | number | null | Uint8Array;

/** The part of a prepared statement that Tercet uses. */
export interface Statement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint };
  get(...values: readonly SqlValue[]): unknown;
  all(...values: readonly SqlValue[]): unknown[];
}

/** The part of a connection that Tercet uses. All calls are synchronous. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface DriverModule {
  readonly DatabaseSync: new (file: string) => Database;
}

/**
 * Opens a database file, creating it where it is missing. The driver is the one built into Node where there is one
 * (22.13 and later), else `@photostructure/sqlite`, which has the same API. Loaded at the first call: a process
 * that keeps its store in memory never loads native code.
 */
export function openDatabase(file: string): Database {
  const { DatabaseSync } = driverModule();
  return new DatabaseSync(file);
}

function driverModule(): DriverModule {
  // eslint-disable-next-line no-restricted-properties -- the one built-in module that may be missing
  const builtIn = process.getBuiltinModule('node:sqlite');
  if (builtIn !== undefined) return builtIn as DriverModule;
  return createRequire(__filename)('@photostructure/sqlite') as DriverModule;
}
