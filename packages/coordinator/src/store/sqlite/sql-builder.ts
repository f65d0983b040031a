import createKnex, { type Knex } from 'knex';
import type { Database, SqlValue } from './driver';

/**
 * knex as a compiler only: without a connection setting it loads no driver and keeps no pool. Its SQL runs on the
 * worker's one synchronous connection, so a cold query can never come to stand inside a hot transaction.
 */
export function sqlBuilder(): Knex {
  return createKnex({ client: 'better-sqlite3', useNullAsDefault: true });
}

/** Runs a query of the builder and returns its rows. */
export function rowsOf(db: Database, query: Knex.QueryBuilder): unknown[] {
  const { sql, bindings } = query.toSQL().toNative();
  return db.prepare(sql).all(...(bindings as readonly SqlValue[]));
}
