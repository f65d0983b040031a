/** The barrier for SQLite: `import { sqliteBarrier } from '@tercet/sdk/sqlite'`. */
import { ConfigError } from '../errors';
import { shownValue } from '../value-text';
import type { Barrier } from './barrier';
import { type BarrierOptions, barrierSettings } from './barrier-options';
import { SqlBarrier } from './sql-barrier';
import type { SqliteConnection } from './sqlite-connection';
import { SqliteDatabase } from './sqlite-database';
import { sqliteDialect } from './sqlite-dialect';

export type { Barrier } from './barrier';
export type { BarrierOptions } from './barrier-options';
export type { SqliteConnection, SqliteStatement } from './sqlite-connection';

/** The statements that make the barrier's table, for those who migrate by hand; `migrate` runs the same. May be repeated. */
export const barrierMigration: readonly string[] = sqliteDialect.migration;

/** Options of `sqliteBarrier`. */
export interface SqliteBarrierOptions extends BarrierOptions {
  /**
   * How many calls may wait for the connection, 1 to 1,000,000. Default: 1,000. One more is asked to come again (TccRetry): nothing
   * of it was applied.
   */
  readonly queueMax?: number;
}

const QUEUE_MAX_DEFAULT = 1_000;
const QUEUE_MAX_MOST = 1_000_000;

/**
 * A barrier in a SQLite database: a connection of `node:sqlite`, or of `@photostructure/sqlite`, which has the same API. Handlers
 * get the connection itself as `ctx.db`, in a transaction begun with BEGIN IMMEDIATE; COMMIT, ROLLBACK and `close` are refused there.
 * A connection has one transaction, so handlers run one at a time, an asynchronous one until it has ended: give the barrier
 * a connection of its own, use it in handlers only, and await nothing slow there. The lock of another process is waited
 * for 1 s; leave `timeout` of the connection at 0, it would block the event loop. The connection stays the caller's: it is not closed.
 *
 * Throws ConfigError where `connection` is none, or an option is wrong.
 */
export function sqliteBarrier<D extends SqliteConnection>(
  connection: D,
  options: SqliteBarrierOptions = {},
): Barrier<D> {
  const settings = barrierSettings('sqliteBarrier', options, ['queueMax']);
  const given = connection as Partial<SqliteConnection> | null | undefined;
  if (typeof given?.exec !== 'function' || typeof given.prepare !== 'function') {
    throw new ConfigError(
      'sqliteBarrier: its first argument must be a connection of node:sqlite (`new DatabaseSync(file)`)',
      { option: 'connection' },
    );
  }
  const database = new SqliteDatabase(connection, settings, queueMaxOf(options));
  return new SqlBarrier('sqlite', database, settings);
}

function queueMaxOf({ queueMax = QUEUE_MAX_DEFAULT }: SqliteBarrierOptions): number {
  if (Number.isInteger(queueMax) && queueMax >= 1 && queueMax <= QUEUE_MAX_MOST) return queueMax;
  throw new ConfigError(
    `sqliteBarrier: queueMax must be a whole number from 1 to ${QUEUE_MAX_MOST}, got ${shownValue(queueMax)}`,
    { option: 'queueMax' },
  );
}
