/** The stock of the checks in real databases, with a barrier each, and handlers that keep every law. */
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { Redis } from 'ioredis';
import knexOf, { type Knex } from 'knex';
import { type Pool, createPool } from 'mysql2/promise';
import { Pool as PgPool } from 'pg';
import type { Barrier, BarrierOptions, TccHandlers } from '@tercet/sdk';
import { knexBarrier } from '@tercet/sdk/knex';
import { type Mysql2Transaction, mysql2Barrier } from '@tercet/sdk/mysql2';
import { type PgTransaction, pgBarrier } from '@tercet/sdk/pg';
import { type RedisCall, redisBarrier } from '@tercet/sdk/redis';
import { sqliteBarrier } from '@tercet/sdk/sqlite';
import { type Shelf, fullShelves } from './stock-books';
import type { ReserveRequest, stock } from './stock-service';

/** A participant with its database, as `checkParticipant` takes it. */
export interface DatabaseParticipant<Db> {
  readonly barrier: Barrier<Db>;
  readonly handlers: TccHandlers<typeof stock, Db>;
  readonly snapshot: () => Promise<unknown>;
  readonly reset: () => Promise<void>;
  readonly close: () => Promise<void>;
}

type Column = keyof Shelf;

const table =
  'CREATE TABLE shelf (sku varchar(20) PRIMARY KEY, free int NOT NULL, held int NOT NULL, sold int NOT NULL)';
const rows = Object.entries(fullShelves()).map(
  ([sku, { free, held, sold }]) => `('${sku}', ${free}, ${held}, ${sold})`,
);
const emptied = 'DELETE FROM shelf';
const filled = `INSERT INTO shelf (sku, free, held, sold) VALUES ${rows.join(', ')}`;
const looked = 'SELECT sku, free, held, sold FROM shelf ORDER BY sku';

/** Moves what a request names; resolves with the rows that could serve it, one or none. */
type Move<Db> = (db: Db, request: ReserveRequest, columns: readonly [Column, Column]) => unknown;

function handlersBy<Db>(move: Move<Db>): TccHandlers<typeof stock, Db> {
  return {
    reserve: {
      try: async (request, ctx) => {
        if ((await move(ctx.db, request, ['free', 'held'])) !== 1) ctx.reject('sold out');
        return { reservationId: `r-${ctx.runId}-${ctx.attempt}` };
      },
      confirm: async (request, ctx) => void (await move(ctx.db, request, ['held', 'sold'])),
      cancel: async (request, ctx) => void (await move(ctx.db, request, ['held', 'free'])),
    },
  };
}

/** node:sqlite's own interface. */
export async function onSqlite(
  file: string,
  options: BarrierOptions = {},
): Promise<DatabaseParticipant<DatabaseSyncInstance>> {
  const db = new DatabaseSync(file);
  // Snapshots are taken between the calls: the barrier's connection is free then.
  db.exec(table);
  const barrier = sqliteBarrier(db, options);
  await barrier.migrate();
  const move: Move<DatabaseSyncInstance> = (tx, { sku, quantity }, [from, to]) =>
    Number(
      tx
        .prepare(
          `UPDATE shelf SET ${from} = ${from} - ?, ${to} = ${to} + ? WHERE sku = ? AND ${from} >= ?`,
        )
        .run(quantity, quantity, sku, quantity).changes,
    );
  return {
    barrier,
    handlers: handlersBy(move),
    snapshot: async (): Promise<unknown> => db.prepare(looked).all(),
    reset: async () => {
      db.exec(emptied);
      db.exec(filled);
    },
    close: async () => db.close(),
  };
}

/** The promise interface of mysql2. */
export async function onMysql2(url: string): Promise<DatabaseParticipant<Mysql2Transaction>> {
  const pool: Pool = createPool({ uri: url, connectionLimit: 8 });
  await pool.query(table);
  const barrier = mysql2Barrier(pool);
  await barrier.migrate();
  const move: Move<Mysql2Transaction> = async (tx, { sku, quantity }, [from, to]) => {
    const sql = `UPDATE shelf SET ${from} = ${from} - ?, ${to} = ${to} + ? WHERE sku = ? AND ${from} >= ?`;
    const [result] = await tx.execute(sql, [quantity, quantity, sku, quantity]);
    return (result as { affectedRows: number }).affectedRows;
  };
  return {
    barrier,
    handlers: handlersBy(move),
    snapshot: async () => (await pool.query(looked))[0],
    reset: async () => {
      await pool.query(emptied);
      await pool.query(filled);
    },
    close: () => pool.end(),
  };
}

/** pg. */
export async function onPg(url: string): Promise<DatabaseParticipant<PgTransaction>> {
  const pool = new PgPool({ connectionString: url, max: 8 });
  await pool.query(table);
  const barrier = pgBarrier(pool);
  await barrier.migrate();
  const move: Move<PgTransaction> = async (tx, { sku, quantity }, [from, to]) => {
    const sql = `UPDATE shelf SET ${from} = ${from} - $1, ${to} = ${to} + $1 WHERE sku = $2 AND ${from} >= $1`;
    return (await tx.query(sql, [quantity, sku])).rowCount;
  };
  return {
    barrier,
    handlers: handlersBy(move),
    snapshot: async (): Promise<unknown> => (await pool.query(looked)).rows,
    reset: async () => {
      await pool.query(emptied);
      await pool.query(filled);
    },
    close: () => pool.end(),
  };
}

/** knex, on the database of a client. */
export async function onKnex(
  client: 'mysql2' | 'pg',
  url: string,
): Promise<DatabaseParticipant<Knex.Transaction>> {
  const knex = knexOf({ client, connection: url, pool: { min: 0, max: 8 } });
  await knex.raw(table);
  const barrier = knexBarrier(knex);
  await barrier.migrate();
  const move: Move<Knex.Transaction> = (tx, { sku, quantity }, [from, to]) =>
    tx('shelf')
      .where({ sku })
      .andWhere(from, '>=', quantity)
      .update({
        [from]: tx.raw('?? - ?', [from, quantity]),
        [to]: tx.raw('?? + ?', [to, quantity]),
      });
  return {
    barrier,
    handlers: handlersBy(move),
    snapshot: () => knex('shelf').orderBy('sku'),
    reset: async () => {
      await knex.raw(emptied);
      await knex.raw(filled);
    },
    close: () => knex.destroy(),
  };
}

const movedLua = `
  redis.call('HINCRBY', KEYS[1], ARGV[2], -ARGV[1])
  redis.call('HINCRBY', KEYS[1], ARGV[3], ARGV[1])`;
const enoughLua = `
  if tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0') < tonumber(ARGV[1]) then return 'sold out' end`;

/** Redis. */
export async function onRedis(url: string): Promise<DatabaseParticipant<RedisCall>> {
  const client = new Redis(url);
  const planOf = ({ sku, quantity }: ReserveRequest, columns: readonly [Column, Column]) => ({
    tag: sku,
    keys: [`shelf:{${sku}}`],
    args: [quantity, ...columns],
    check: enoughLua,
    apply: movedLua,
  });
  const handlers: TccHandlers<typeof stock, RedisCall> = {
    reserve: {
      try: (request, { db, runId }) =>
        db.apply({
          ...planOf(request, ['free', 'held']),
          reply: { reservationId: `r-${runId}` },
        }),
      confirm: (request, { db }) => db.apply(planOf(request, ['held', 'sold'])),
      cancel: (request, { db }) => db.apply(planOf(request, ['held', 'free'])),
    },
  };
  return {
    barrier: redisBarrier(client),
    handlers,
    snapshot: async () =>
      Object.fromEntries(
        await Promise.all(
          Object.keys(fullShelves()).map(
            async (sku) => [sku, await client.hgetall(`shelf:{${sku}}`)] as const,
          ),
        ),
      ),
    reset: async () => {
      for (const [sku, shelf] of Object.entries(fullShelves())) {
        await client.hset(`shelf:{${sku}}`, shelf);
      }
    },
    close: async () => void (await client.quit()),
  };
}
