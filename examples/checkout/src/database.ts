/** A service's own database: one SQLite file. Node's built-in driver where there is one, else a package with its API. */
import type { DatabaseSync, DatabaseSyncInstance } from '@photostructure/sqlite';

/** An open database. All calls are synchronous: nothing else runs in this process while a transaction is open. */
export type Database = DatabaseSyncInstance;

/** Opens the file, and creates it where it is missing. */
export async function openDatabase(file: string): Promise<Database> {
  const Driver = await loadDriver();
  const db = new Driver(file);
  // FULL: a COMMIT that returned survives a crash. That is what Tercet relies on when a participant answers OK.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000');
  return db;
}

/** Runs `work` in one local transaction: all of it is durable when this returns, none of it when it throws. */
export function inTransaction<T>(db: Database, work: () => T): T {
  // IMMEDIATE takes the write lock at once, so what `work` reads cannot change before it writes.
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // After some errors (a full disk) SQLite has rolled back by itself.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

async function loadDriver(): Promise<typeof DatabaseSync> {
  const builtIn = process.getBuiltinModule('node:sqlite') as
    | { readonly DatabaseSync: typeof DatabaseSync }
    | undefined;
  return (builtIn ?? (await import('@photostructure/sqlite'))).DatabaseSync;
}
