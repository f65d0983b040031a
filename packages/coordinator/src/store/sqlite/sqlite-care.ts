/** The embedded store as operators look after it: from outside, beside a coordinator that may have it open. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StoreFailure } from '../store';
import type { SchemaFacts, StoreCare } from '../store-report';
import { type Database, openDatabase } from './driver';
import { codeOf, describe, sqliteCode } from './failures';
import { migrations } from './migrations';
import { SqliteStore } from './sqlite-store';

/** Who opens the store only to migrate it; owns nothing. */
const MIGRATOR = 'migrator';

/** Of the store in a directory. `migrate` rejects with STORE_IN_USE where a coordinator has it. */
export function sqliteCare(directory: string): StoreCare {
  return {
    async check() {
      const held = isHeld(join(directory, 'lock.db'));
      return {
        server: 'SQLite',
        schema: schemaOf(join(directory, 'tercet.db')),
        current: migrations.at(-1)?.version ?? 0,
        prerequisites: [],
        nodes: held ? [{ where: 'a process of this machine', alive: true }] : [],
      };
    },
    async migrate() {
      const store = new SqliteStore({ directory });
      await store.open(MIGRATOR);
      await store.close();
    },
  };
}

function schemaOf(file: string): SchemaFacts | undefined {
  return within(file, (db) => {
    const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").get();
    if (known === undefined) return undefined;
    const select = 'SELECT version, min_reader AS minReader FROM schema_version';
    return db.prepare(select).get() as SchemaFacts | undefined;
  });
}

/** Whoever has the store keeps an exclusive transaction open in this file; reading it is enough to see that. */
function isHeld(file: string): boolean {
  return (
    within(file, (db) => {
      try {
        db.prepare('SELECT count(*) FROM sqlite_schema').get();
        return false;
      } catch (error) {
        if (codeOf(error) === sqliteCode.BUSY) return true;
        throw error;
      }
    }) ?? false
  );
}

/** Opening a file that is missing would make it. */
function within<T>(file: string, look: (db: Database) => T): T | undefined {
  if (!existsSync(file)) return undefined;
  let db: Database | undefined;
  try {
    db = openDatabase(file);
    return look(db);
  } catch (error) {
    throw new StoreFailure('unavailable', `${file} cannot be read: ${describe(error)}`, {
      cause: error,
    });
  } finally {
    db?.close();
  }
}
