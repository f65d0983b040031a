/** A PostgreSQL for tests of `pgBarrier`: its own database, a pool at one isolation level, and a connection beside it. */
import { expect } from '@jest/globals';
import { Pool, type PoolConfig, type QueryResult } from 'pg';
import type { TestServer } from '../../../../test/support/servers/describe-with';
import type { Barrier } from '../../src/barrier/barrier';
import { pgBarrier, type PgTransaction } from '../../src/barrier/pg';
import type { ContractDatabase, ContractRow } from './adapter-contract';

/** Isolation levels that a barrier is asked to bear. */
export const levels = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const;

/** One database with its pool. */
export interface PgWorld extends ContractDatabase<PgTransaction> {
  readonly url: string;
  readonly pool: Pool;
  readonly barrier: Barrier<PgTransaction>;
  /** Connections outside of the pool. */
  readonly admin: Pool;
}

/** What a pool is like. */
export interface PgPlan {
  /** Default: the server's own. */
  readonly level?: string;
  readonly more?: PoolConfig;
}

/** Makes one. Its pool waits 7 s for locks, as a user may have set. */
export async function pgWorld(
  server: TestServer,
  { level = 'READ COMMITTED', more = {} }: PgPlan = {},
): Promise<PgWorld> {
  const { url } = await server.freshDatabase();
  const admin = new Pool({ connectionString: url, max: 4 });
  const options = `-c default_transaction_isolation=${level.toLowerCase().replace(' ', '\\ ')} -c lock_timeout=7s`;
  const pool = new Pool({ connectionString: url, max: 8, options, ...more });
  return {
    url,
    pool,
    admin,
    barrier: pgBarrier(pool),
    barrierWith: (given) => pgBarrier(pool, given),
    exec: async (sql) => rowsOf(await admin.query(sql)),
    expectClean: () => expectClean(pool, admin),
    close: async () => {
      await pool.end();
      await admin.end();
    },
  };
}

/** The first row of an answer. */
export async function firstRow(answer: Promise<QueryResult<ContractRow>>): Promise<ContractRow> {
  const [row] = (await answer).rows;
  if (row === undefined) throw new Error('no row');
  return row;
}

/** The rows of an answer. */
export function rowsOf({ rows }: QueryResult): readonly ContractRow[] {
  return rows as ContractRow[];
}

/** Every connection is free, with no open transaction, and with the settings of the pool. */
async function expectClean(pool: Pool, admin: Pool): Promise<void> {
  expect(pool.idleCount).toBe(pool.totalCount);
  const open = await admin.query(
    "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'",
  );
  expect(open.rows).toEqual([]);
  const taken = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  for (const client of taken) {
    const { rowCount } = await client.query(
      "SELECT 1 WHERE current_setting('lock_timeout') = '7s' AND current_setting('idle_in_transaction_session_timeout') = '0'",
    );
    expect(rowCount).toBe(1);
    expect(client.listenerCount('error')).toBe(0);
    client.release();
  }
}
