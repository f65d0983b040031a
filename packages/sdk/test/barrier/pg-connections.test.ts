/** Pools and connections of `pgBarrier`: closed, exhausted, lost, idle. */
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { Client, Pool, type PoolClient } from 'pg';
import { describeWith } from '../../../../test/support/servers/describe-with';
import { pgBarrier, type PgTransaction } from '../../src/barrier/pg';
import { PgDatabase } from '../../src/barrier/pg-database';
import { BarrierError, ConfigError } from '../../src/errors';
import { AnswerCutter } from './answer-cutter';
import { aCall, workOf } from './barrier-calls';
import { firstRow, pgWorld, type PgWorld } from './pg-world';

const work = (body: (db: PgTransaction) => unknown) => workOf<PgTransaction>(body);
const nothing = work(() => undefined);
const take = "UPDATE stock SET remaining = remaining - 1 WHERE sku = 'a'";

describe('the pool of pgBarrier', () => {
  test('one that is closed is a BarrierError that names it, without its password', async () => {
    const pool = new Pool({ connectionString: 'postgres://someone:secret@db.example:5433/shop' });
    await pool.end();
    const call = pgBarrier(pool).carryOut(aCall(), nothing);
    await expect(call).rejects.toBeInstanceOf(BarrierError);
    await expect(call).rejects.toThrow(
      'the pg pool of database shop at db.example:5433 gave no connection',
    );
    await expect(call).rejects.not.toThrow('secret');
  });

  test('what is no pool is refused at once', () => {
    expect(() => pgBarrier(new Client() as unknown as Pool)).toThrow(ConfigError);
    expect(() => pgBarrier(undefined as unknown as Pool)).toThrow('must be a Pool of pg');
  });

  test('an unknown option is refused at once', () => {
    const options = { retention_ms: 1 } as object;
    expect(() => pgBarrier(new Pool(), options)).toThrow(/pgBarrier.*retention_ms/);
  });
});

describeWith('postgres', (server) => {
  describe('connections of pgBarrier', () => {
    let world: PgWorld;

    beforeAll(async () => {
      world = await pgWorld(server, { more: { max: 1 } });
      await world.exec('CREATE TABLE stock (sku text PRIMARY KEY, remaining int NOT NULL)');
      await world.barrier.migrate();
    });
    beforeEach(async () => {
      await world.exec('TRUNCATE stock, tercet_barrier');
      await world.exec("INSERT INTO stock VALUES ('a', 100)");
    });
    afterAll(() => world.close());

    const remaining = async (): Promise<unknown> =>
      (await world.exec("SELECT remaining FROM stock WHERE sku = 'a'"))[0]?.['remaining'];

    test('a pool without a free connection fails within the deadline; its connection goes back when it comes', async () => {
      const held = await world.pool.connect();
      const call = world.barrier.carryOut(aCall({ deadline: systemClock.now() + 300 }), nothing);
      await expect(call).rejects.toThrow(
        /no free connection within \d+ ms \(1 in use, 1 waiting\)/,
      );
      held.release();
      expect((await world.barrier.carryOut(aCall(), nothing)).kind).toBe('done');
      await world.expectClean();
    });

    test('pg-native is refused: it does not tell the state', async () => {
      let released = 0;
      const client = { release: () => (released += 1) };
      const pool = { connect: async () => client, options: {}, totalCount: 1, waitingCount: 0 };
      const call = pgBarrier(pool as unknown as Pool).carryOut(aCall(), nothing);
      await expect(call).rejects.toThrow('pg-native does not tell');
      expect(released).toBe(1);
    });

    test('a backend that dies under the handler is unknown, and its connection does not come back', async () => {
      const dying = work(async (db) => {
        await db.query(take);
        const { pid } = await firstRow(db.query('SELECT pg_backend_pid() AS pid'));
        await world.admin.query('SELECT pg_terminate_backend($1)', [pid]);
        // The handler does not notice: it has nothing more to say.
      });
      await expect(world.barrier.carryOut(aCall(), dying)).rejects.toThrow(BarrierError);
      expect(await remaining()).toBe(100);
      expect((await world.barrier.carryOut(aCall(), nothing)).kind).toBe('done');
      await world.expectClean();
    });

    test('a backend that dies in COMMIT is unknown', async () => {
      // A deferred trigger makes COMMIT itself wait, so that it can be caught there.
      await world.exec(`CREATE TABLE slow (id int);
        CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER waiting AFTER INSERT ON slow
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`);
      const call = aCall();
      let pid: unknown;
      const committing = world.barrier.carryOut(
        call,
        work(async (db) => {
          await db.query('INSERT INTO slow VALUES (1)');
          ({ pid } = await firstRow(db.query('SELECT pg_backend_pid() AS pid')));
        }),
      );
      const outcome = expect(committing).rejects.toThrow('nobody knows');
      for (let isThere = false; !isThere; ) {
        const { rows } = await world.admin.query(
          "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'",
          [pid],
        );
        isThere = rows.length === 1;
      }
      await world.admin.query('SELECT pg_terminate_backend($1)', [pid]);
      await outcome;
      expect((await world.barrier.carryOut({ ...call, attempt: 2 }, nothing)).kind).toBe('done');
      await world.expectClean();
      await world.exec('DROP TABLE slow; DROP FUNCTION wait_at_commit');
    });

    test('a COMMIT whose answer is lost is unknown; the call comes again and finds that it took effect', async () => {
      const path = new AnswerCutter(new URL(world.url));
      const pool = new Pool({ connectionString: await path.open(), max: 1 });
      const barrier = pgBarrier(pool);
      const call = aCall();
      const taking = work((db) => db.query(take));
      await barrier.check();
      path.cutBehind('COMMIT');
      await expect(barrier.carryOut(call, taking)).rejects.toThrow('nobody knows');
      expect((await barrier.carryOut({ ...call, attempt: 2 }, taking)).kind).toBe('duplicate');
      expect(await remaining()).toBe(99);
      await pool.end();
      await path.close();
    });

    test('the bound on idleness is the deadline and 5 s, for this transaction only', async () => {
      const seen: number[] = [];
      const look = work(async (db) => {
        const text =
          "extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval)";
        seen.push(Number((await firstRow(db.query(`SELECT ${text} AS bound`)))['bound']));
      });
      await world.barrier.carryOut(aCall({ deadline: systemClock.now() + 60_000 }), look);
      expect(seen[0]).toBeGreaterThan(5);
      expect(seen[0]).toBeLessThanOrEqual(65);
      await world.expectClean();
    });

    test('the server ends a transaction whose participant says nothing more', async () => {
      const acquired = once(world.pool, 'acquire');
      const database = new PgDatabase(world.pool, systemScheduler);
      const transaction = await database.begin({ idleMs: 50 });
      const [client] = (await acquired) as [PoolClient];
      transaction.handlerStarts();
      await transaction.db.query(take);
      await new Promise<void>((resolve) => client.once('end', resolve));
      await expect(transaction.handlerEnded()).rejects.toThrow('the connection was lost');
      await transaction.rollback();
      expect(await remaining()).toBe(100);
      expect((await world.barrier.carryOut(aCall(), nothing)).kind).toBe('done');
      await world.expectClean();
    });

    test('cleaning takes whole branches, and passes over what somebody has locked', async () => {
      const insert = (run: string, slot: string, time: number) =>
        world.exec(
          `INSERT INTO tercet_barrier VALUES ('${run}', '1', '${slot}', 'g', 'try', '', NULL, 1, ${time})`,
        );
      for (const run of ['old', 'locked']) {
        await insert(run, 'try', 1);
        await insert(run, 'end', 2);
      }
      await insert('lone', 'try', 1);
      await insert('young', 'try', 1);
      await insert('young', 'end', systemClock.now());
      const other = await world.admin.connect();
      await other.query(
        "BEGIN; SELECT 1 FROM tercet_barrier WHERE run_id = 'locked' AND slot = 'try' FOR UPDATE",
      );
      expect(await world.barrier.cleanUp()).toBe(2);
      await other.query('ROLLBACK');
      other.release();
      const left = await world.exec('SELECT DISTINCT run_id FROM tercet_barrier ORDER BY 1');
      expect(left.map((row) => row['run_id'])).toEqual(['locked', 'lone', 'young']);
    });
  });
});
