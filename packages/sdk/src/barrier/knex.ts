/** The barrier for knex: `import { knexBarrier } from '@tercet/sdk/knex'`. */
import type { Knex } from 'knex';
import type { Barrier } from './barrier';
import { type BarrierOptions, type BarrierSettings, barrierSettings } from './barrier-options';
import { clientOf, type KnexConnection, driverNameOf, type KnexClient } from './knex-client';
import { KnexDatabase, type KnexDriver } from './knex-database';
import { KnexMysql2 } from './knex-mysql2';
import { knexPg } from './knex-pg';
import { KnexSqlite } from './knex-sqlite';
import { SqlBarrier } from './sql-barrier';

export type { Barrier } from './barrier';
export type { BarrierOptions } from './barrier-options';

/** Options of `knexBarrier`: those that all barriers have. */
export type KnexBarrierOptions = BarrierOptions;

/**
 * A barrier in the database of an instance of knex 3 with the client `pg` (PostgreSQL 13 and newer), `mysql2` (MariaDB 10.5, MySQL 8 and
 * newer), `better-sqlite3`, or a client class of one's own on node:sqlite. Handlers get `ctx.db`, a transaction of knex: query and schema
 * builder, `raw`, and nested transactions (savepoints) work on it. Its own `commit` and `rollback`, COMMIT and the like as
 * texts, streams, and everything after the handler has returned are refused. Each call takes one connection of knex's pool for as long as its
 * handler runs; a query on the instance itself within a handler is not part of the transaction and waits for another connection.
 * The pool stays the caller's: its connections go back as they came, and it is not closed.
 *
 * Throws ConfigError where `knex` is no instance of knex or one that cannot be guarded, or an option is wrong.
 */
export function knexBarrier(
  knex: Knex,
  options: KnexBarrierOptions = {},
): Barrier<Knex.Transaction> {
  const settings = barrierSettings('knexBarrier', options);
  const client = clientOf(knex);
  const driver = driverOf(client, settings);
  return new SqlBarrier('knex', new KnexDatabase({ knex, client, driver, settings }), settings);
}

function driverOf(client: KnexClient, settings: BarrierSettings): KnexDriver<KnexConnection> {
  switch (driverNameOf(client)) {
    case 'pg':
      return knexPg;
    case 'mysql2':
      return new KnexMysql2();
    case 'sqlite':
      return new KnexSqlite(settings);
  }
}
