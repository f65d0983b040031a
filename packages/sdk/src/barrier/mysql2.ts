/** The barrier for mysql2: `import { mysql2Barrier } from '@tercet/sdk/mysql2'`. */
import type { Pool as CorePool } from 'mysql2';
import type { Pool } from 'mysql2/promise';
import { ConfigError } from '../errors';
import type { Barrier } from './barrier';
import { type BarrierOptions, barrierSettings } from './barrier-options';
import { mysqlDialect } from './mysql-dialect';
import { Mysql2Database } from './mysql2-database';
import type { Mysql2Transaction } from './mysql2-handler-connection';
import { SqlBarrier } from './sql-barrier';

export type { Barrier } from './barrier';
export type { BarrierOptions } from './barrier-options';
export type { Mysql2Transaction } from './mysql2-handler-connection';

/** The statements that make the barrier's table, for those who migrate by hand; `migrate` runs the same. May be repeated. */
export const barrierMigration: readonly string[] = mysqlDialect({
  isMariadb: true,
  version: [10, 5],
}).migration;

/** Options of `mysql2Barrier`: those that all barriers have. */
export type Mysql2BarrierOptions = BarrierOptions;

/**
 * A barrier in the database of a pool of `mysql2` (MariaDB 10.5, MySQL 8 and newer), of its promise or its callback interface.
 * Handlers get `ctx.db`, the open local transaction, always with promises, at the isolation level that the pool's connections
 * have. Each call takes one connection for as long as its handler runs; it must come in autocommit mode, as is the default,
 * and goes back with the settings it had. While the handler runs a connection that stays idle for the rest of the call's deadline
 * and 5 s is closed by the server. The pool stays the caller's: it is not closed.
 *
 * Throws ConfigError where `pool` is not a pool of `mysql2`, or an option is wrong.
 */
export function mysql2Barrier(
  pool: Pool | CorePool,
  options: Mysql2BarrierOptions = {},
): Barrier<Mysql2Transaction> {
  const settings = barrierSettings('mysql2Barrier', options);
  const given = pool as { readonly getConnection?: unknown } | null | undefined;
  if (typeof given?.getConnection !== 'function') {
    throw new ConfigError(
      'mysql2Barrier: its first argument must be a pool of mysql2 (`createPool({ … })`); a single connection cannot carry ' +
        'calls side by side',
      { option: 'pool' },
    );
  }
  return new SqlBarrier('mysql2', new Mysql2Database(pool, settings.scheduler), settings);
}
