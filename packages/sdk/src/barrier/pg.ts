/** The barrier for node-postgres: `import { pgBarrier } from '@tercet/sdk/pg'`. */
import type { Pool } from 'pg';
import { ConfigError } from '../errors';
import type { Barrier } from './barrier';
import { type BarrierOptions, barrierSettings } from './barrier-options';
import { PgDatabase } from './pg-database';
import type { PgTransaction } from './pg-handler-client';
import { postgresDialect } from './postgres-dialect';
import { SqlBarrier } from './sql-barrier';

export type { Barrier } from './barrier';
export type { BarrierOptions } from './barrier-options';
export type { PgTransaction } from './pg-handler-client';

/** The statements that make the barrier's table, for those who migrate by hand; `migrate` runs the same. May be repeated. */
export const barrierMigration: readonly string[] = postgresDialect.migration;

/** Options of `pgBarrier`: those that all barriers have. */
export type PgBarrierOptions = BarrierOptions;

/**
 * A barrier in the database of a `pg` pool (PostgreSQL 13 and newer, node-postgres 8). Handlers get `ctx.db`, the open local
 * transaction, at the isolation level that the pool's connections have. Each call takes one connection for as long as its
 * handler runs. The session's `idle_in_transaction_session_timeout` is replaced for that transaction by the rest of the call's
 * deadline and 5 s. The pool stays the caller's: nothing of it is changed, and it is not closed.
 *
 * Throws ConfigError where `pool` is not a pool of `pg`, or an option is wrong.
 */
export function pgBarrier(pool: Pool, options: PgBarrierOptions = {}): Barrier<PgTransaction> {
  const settings = barrierSettings('pgBarrier', options);
  const given = pool as Partial<Pool> | null | undefined;
  if (typeof given?.connect !== 'function' || typeof given.totalCount !== 'number') {
    throw new ConfigError(
      'pgBarrier: its first argument must be a Pool of pg (`new Pool({ … })`); a single Client cannot carry calls side by side',
      { option: 'pool' },
    );
  }
  return new SqlBarrier('pg', new PgDatabase(pool, settings.scheduler), settings);
}
