/** The participant on MariaDB, through mysql2, at each of its isolation levels. */
import { type Mysql2Transaction, mysql2Barrier } from '@tercet/sdk/mysql2';
import { type Pool, createPool } from 'mysql2/promise';
import { type Business, mustBeNote } from './business';
import { leftOf, looking, opening, tables, workBy } from './sql';

const levels = ['READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const;

/** Makes it in an empty database. */
export async function onMariadb(url: string): Promise<Business<Mysql2Transaction>> {
  const admin = createPool({ uri: url, connectionLimit: 4 });
  for (const sql of tables) await admin.query(`${sql} ENGINE=InnoDB`);
  const pools = levels.map((level) => poolAt(url, level));
  const barriers = pools.map((pool) => mysql2Barrier(pool));
  await Promise.all(barriers.map((barrier) => barrier.migrate()));
  const sending = {
    send: (db: Mysql2Transaction, sql: string, params: readonly (string | number)[]) =>
      db.query(sql, [...params]),
    loseConnection: async (db: Mysql2Transaction) => {
      const [rows] = await db.query('SELECT CONNECTION_ID() AS id');
      await admin.query(`KILL ${(rows as { id: number }[])[0]?.id ?? 0}`);
    },
  };
  return {
    levels: barriers.map((barrier, i) => ({ name: levels[i] ?? '', barrier })),
    open: async (runId) => void (await admin.query(opening, [runId])),
    work: (opened, place) => workBy(sending, opened, place),
    checkNote: mustBeNote,
    left: async (runId) => {
      const [effects] = await admin.query(looking.effects, [runId]);
      const [accounts] = await admin.query(looking.account, [runId]);
      return leftOf(effects, accounts);
    },
    close: async () => void (await Promise.all([...pools, admin].map((pool) => pool.end()))),
  };
}

function poolAt(url: string, level: string): Pool {
  const pool = createPool({ uri: url, connectionLimit: 24 });
  pool.pool.on('connection', (connection) => {
    connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
  });
  return pool;
}
