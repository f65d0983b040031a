/** A MariaDB for tests of `mysql2Barrier`: its own database, a pool at one isolation level, and a connection beside it. */
import { expect } from '@jest/globals';
import type { PoolConnection } from 'mysql2';
import {
  type Connection,
  createConnection,
  createPool,
  type Pool,
  type PoolOptions,
} from 'mysql2/promise';
import type { TestServer } from '../../../../test/support/servers/describe-with';
import type { Barrier } from '../../src/barrier/barrier';
import { mysql2Barrier, type Mysql2Transaction } from '../../src/barrier/mysql2';
import type { ContractDatabase, ContractRow } from './adapter-contract';

/** Isolation levels that a barrier is asked to bear. */
export const levels = [
  'READ UNCOMMITTED',
  'READ COMMITTED',
  'REPEATABLE READ',
  'SERIALIZABLE',
] as const;

/** One database with its pool. */
export interface Mysql2World extends ContractDatabase<Mysql2Transaction> {
  readonly url: string;
  readonly pool: Pool;
  readonly barrier: Barrier<Mysql2Transaction>;
  /** Outside of the pool. */
  readonly admin: Connection;
}

/** What is special about a pool. */
export interface PoolPlan {
  /** Default: the server's own, REPEATABLE READ. */
  readonly level?: string;
  readonly options?: PoolOptions;
  /** Sees every connection that the pool opens, before anybody uses it. */
  readonly onConnection?: (connection: PoolConnection) => void;
}

/** Makes one. */
export async function mysql2World(server: TestServer, plan: PoolPlan = {}): Promise<Mysql2World> {
  const { url } = await server.freshDatabase();
  const admin = await createConnection(url);
  const pool = createPool({ uri: url, connectionLimit: 8, ...plan.options });
  pool.pool.on('connection', (connection) => {
    if (plan.level !== undefined) {
      connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${plan.level}`);
    }
    plan.onConnection?.(connection);
  });
  return {
    url,
    pool,
    admin,
    barrier: mysql2Barrier(pool),
    barrierWith: (options) => mysql2Barrier(pool, options),
    exec: async (sql) => rowsOf(await admin.query(sql)),
    expectClean: () => expectClean(pool),
    close: async () => {
      await pool.end();
      await admin.end();
    },
  };
}

/** Rows of an answer of mysql2; none of an OK. */
export function rowsOf([result]: readonly unknown[]): readonly ContractRow[] {
  return Array.isArray(result) ? (result as ContractRow[]) : [];
}

/** What the driver keeps of its connections; not in its types. */
interface Insides {
  readonly _allConnections: { readonly length: number };
  readonly _freeConnections: { readonly length: number };
}

const settingsSql =
  'SELECT @@autocommit AS autocommit, @@in_transaction AS open, @@idle_transaction_timeout AS idle, ' +
  '@@innodb_lock_wait_timeout AS waits, @@wait_timeout AS quiet, @tercet_reply AS reply';

const cleanSettings = ['autocommit 1', 'open 0', 'idle 0', 'waits 50', 'quiet 28800', 'reply null'];

/** Every connection is free, with no open transaction, in autocommit, and with the settings of the server. */
async function expectClean(pool: Pool): Promise<void> {
  const { _allConnections: all, _freeConnections: free } = pool.pool as unknown as Insides;
  expect(free.length).toBe(all.length);
  const taken = await Promise.all(Array.from({ length: all.length }, () => pool.getConnection()));
  const plainly = {
    rowsAsArray: false,
    nestTables: false,
    typeCast: true,
    bigNumberStrings: false,
  };
  const found = await Promise.all(
    taken.map((connection) => connection.query({ ...plainly, sql: settingsSql })),
  );
  for (const connection of taken) connection.release();
  for (const answer of found) {
    const [row] = rowsOf(answer);
    const values = Object.entries(row ?? {}).map(([name, value]) => `${name} ${String(value)}`);
    expect(values).toEqual(cleanSettings);
  }
}

/** Makes the server look like MySQL 8: it understands everything that is said to that one. */
export function asMysql8(connection: PoolConnection): void {
  const query = connection.query.bind(connection) as (...args: unknown[]) => unknown;
  const disguised = (what: { readonly sql?: string } | string, ...rest: unknown[]): unknown => {
    const told = (sql: string): string => sql.replace('VERSION()', "'8.0.36'");
    if (typeof what === 'string') return query(told(what), ...rest);
    return query(what.sql === undefined ? what : { ...what, sql: told(what.sql) }, ...rest);
  };
  connection.query = disguised as unknown as PoolConnection['query'];
}
