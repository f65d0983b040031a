/** The participant on PostgreSQL, through pg, at three isolation levels. */
import { type PgTransaction, pgBarrier } from '@tercet/sdk/pg';
import { Pool } from 'pg';
import { type Business, mustBeNote } from './business';
import { leftOf, looking, opening, tables, workBy } from './sql';

const levels = ['read committed', 'repeatable read', 'serializable'] as const;

/** Makes it in an empty database. */
export async function onPostgres(url: string): Promise<Business<PgTransaction>> {
  const admin = new Pool({ connectionString: url, max: 4 });
  for (const sql of tables) await admin.query(sql);
  const pools = levels.map((level) => poolAt(url, level));
  const barriers = pools.map((pool) => pgBarrier(pool));
  await Promise.all(barriers.map((barrier) => barrier.migrate()));
  const sending = {
    send: (db: PgTransaction, sql: string, params: readonly (string | number)[]) =>
      db.query(numbered(sql), [...params]),
    loseConnection: async (db: PgTransaction) => {
      const { rows } = await db.query('SELECT pg_backend_pid() AS id');
      await admin.query('SELECT pg_terminate_backend($1)', [(rows as { id: number }[])[0]?.id]);
    },
  };
  const ask = async (sql: string, runId: string): Promise<unknown> =>
    (await admin.query(numbered(sql), [runId])).rows;
  return {
    levels: barriers.map((barrier, i) => ({ name: levels[i] ?? '', barrier })),
    open: async (runId) => void (await ask(opening, runId)),
    work: (opened, place) => workBy(sending, opened, place),
    checkNote: mustBeNote,
    left: async (runId) =>
      leftOf(await ask(looking.effects, runId), await ask(looking.account, runId)),
    close: async () => void (await Promise.all([...pools, admin].map((pool) => pool.end()))),
  };
}

function poolAt(url: string, level: string): Pool {
  const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`;
  const pool = new Pool({ connectionString: url, max: 24, options });
  // A killed connection that nobody uses any more says so to its pool.
  pool.on('error', () => {});
  return pool;
}

function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => {
    count += 1;
    return `$${count}`;
  });
}
