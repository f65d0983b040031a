/** A SQLite file: Node's built-in driver where there is one, else a package with its API. */
import type { DatabaseSync, DatabaseSyncInstance } from '@photostructure/sqlite';

/** An open database. */
export type Database = DatabaseSyncInstance;

/** Opens the file, and creates it where it is missing. */
export async function openDatabase(file: string): Promise<Database> {
  const builtIn = process.getBuiltinModule('node:sqlite') as
    | { readonly DatabaseSync: typeof DatabaseSync }
    | undefined;
  const { DatabaseSync: Driver } = builtIn ?? (await import('@photostructure/sqlite'));
  const db = new Driver(file);
  // FULL: a COMMIT that returned survives a crash. That is what Tercet relies on when a participant answers OK.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  return db;
}
