import { existsSync } from 'node:fs';
import { TercetError } from '@tercet/core';
import type { FileFacts } from './backup-messages';
import { type Database, openDatabase } from './driver';
import { describe } from './failures';

/**
 * Looks into a file that should be a store's data, or a copy of it: reads it whole, and counts. Throws STORE_CORRUPT where it is
 * none, or damaged.
 */
export function fileFactsOf(file: string): FileFacts {
  // Opening a file that is missing would make it.
  if (!existsSync(file)) throw unreadable(file, 'there is no such file');
  let db: Database | undefined;
  try {
    db = openDatabase(file);
    return factsIn(db);
  } catch (error) {
    throw unreadable(file, describe(error));
  } finally {
    db?.close();
  }
}

function factsIn(db: Database): FileFacts {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").get();
  if (known === undefined) throw new Error('it holds no store of Tercet');
  const [first] = db.prepare('PRAGMA quick_check(1)').all() as { readonly quick_check: string }[];
  if (first?.quick_check !== 'ok') throw new Error(`it is damaged: ${first?.quick_check ?? '?'}`);
  const counts = db.prepare(
    'SELECT count(*) AS transactions, count(open_owner) AS unfinished FROM transactions',
  );
  return counts.get() as FileFacts;
}

function unreadable(file: string, why: string): TercetError {
  return new TercetError('STORE_CORRUPT', { message: `${file} is no backup of a store: ${why}` });
}
