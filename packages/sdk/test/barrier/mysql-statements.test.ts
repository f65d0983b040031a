/** What a barrier costs a MySQL server in statements, as the server itself counts them: with mysql2 and with knex on mysql2. */
import { expect, test } from '@jest/globals';
import type { Knex } from 'knex';
import { describeWith } from '../../../../test/support/servers/describe-with';
import type { Barrier } from '../../src/barrier/barrier';
import { mysql2Barrier, type Mysql2Transaction } from '../../src/barrier/mysql2';
import { knexBarrier } from '../../src/barrier/knex';
import { aCall, workOf } from './barrier-calls';
import type { ContractRow } from './adapter-contract';
import { asMysql8, mysql2World, type PoolPlan, rowsOf as rowsOfMysql2 } from './mysql2-world';
import { mysql2KnexOf, rowsOf as rowsOfKnex } from './support/knex-shop';

const take = "UPDATE stock SET left_over = left_over - 1 WHERE sku = 'a'";
const plainly = ['BEGIN', take, 'COMMIT'];

/** A participant whose pool has one connection, so that its counter counts everything. */
interface Counted<Db> {
  readonly barrier: Barrier<Db>;
  run(db: Db, sql: string): Promise<unknown>;
  /** Through the pool, beside the barrier. */
  exec(sql: string): Promise<readonly ContractRow[]>;
}

describeWith('mariadb', (server) => {
  test('mysql2: a Try, a Confirm and a Cancel cost two statements more than the plain transaction', async () => {
    expect(await onMysql2({})).toEqual(two);
  });

  test('knex: a Try, a Confirm and a Cancel cost two statements more than the plain transaction', async () => {
    const { url } = await server.freshDatabase();
    const knex = mysql2KnexOf(url, { min: 0, max: 1 });
    const exec = (sql: string) => rowsOfKnex(knex.raw(sql));
    const run = (db: Knex.Transaction, sql: string) => rowsOfKnex(db.raw(sql));
    try {
      expect(await costs({ barrier: knexBarrier(knex), exec, run })).toEqual(two);
    } finally {
      await knex.destroy();
    }
  });

  // No rows are answered to an INSERT there, and the wait for locks is set around the handler.
  test('mysql2, speaking as to MySQL 8: three, four and five statements more', async () => {
    const costsMore = { plain: 3, tried: 6, confirmed: 7, cancelled: 8, empty: 5 };
    expect(await onMysql2({ onConnection: asMysql8 })).toEqual(costsMore);
  });

  async function onMysql2(plan: PoolPlan): Promise<Costs> {
    const world = await mysql2World(server, { ...plan, options: { connectionLimit: 1 } });
    const run = (db: Mysql2Transaction, sql: string) => db.query(sql);
    // The disguise reads texts, and not the commands that `pool.query` makes of them.
    const exec = async (sql: string) => {
      const connection = await world.pool.getConnection();
      const answered = await connection.query(sql);
      connection.release();
      return rowsOfMysql2(answered);
    };
    try {
      return await costs({ barrier: mysql2Barrier(world.pool), exec, run });
    } finally {
      await world.close();
    }
  }
});

type Costs = Readonly<Record<'plain' | 'tried' | 'confirmed' | 'cancelled' | 'empty', number>>;

const two: Costs = { plain: 3, tried: 5, confirmed: 5, cancelled: 5, empty: 4 };

async function costs<Db>({ barrier, exec, run }: Counted<Db>): Promise<Costs> {
  const takes = workOf<Db>((db) => run(db, take));
  const questions = async (): Promise<number> => {
    const [row] = await exec("SHOW SESSION STATUS LIKE 'Questions'");
    return Number(row?.['Value']);
  };
  const cost = async (work: () => Promise<unknown>): Promise<number> => {
    const before = await questions();
    await work();
    // Reading the counter is a question too.
    return (await questions()) - before - 1;
  };
  await barrier.migrate();
  await exec('CREATE TABLE stock (sku VARCHAR(8) PRIMARY KEY, left_over INT NOT NULL)');
  await exec("INSERT INTO stock VALUES ('a', 1000)");
  // Which server it is, is asked once for all.
  await barrier.carryOut(aCall(), takes);
  const [one, other] = [aCall(), aCall()];
  return {
    plain: await cost(async () => {
      for (const sql of plainly) await exec(sql);
    }),
    tried: await cost(() => barrier.carryOut(one, takes)),
    confirmed: await cost(() => barrier.carryOut({ ...one, phase: 'confirm' }, takes)),
    cancelled: await barrier
      .carryOut(other, takes)
      .then(() => cost(() => barrier.carryOut({ ...other, phase: 'cancel' }, takes))),
    empty: await cost(() => barrier.carryOut(aCall({ phase: 'cancel' }), takes)),
  };
}
