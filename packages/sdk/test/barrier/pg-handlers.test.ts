/** What handlers can do wrong on PostgreSQL, at every isolation level. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PoolClient } from 'pg';
import { describeWith } from '../../../../test/support/servers/describe-with';
import type { PgTransaction } from '../../src/barrier/pg';
import { BarrierError } from '../../src/errors';
import { TccRetry } from '../../src/participant/verdicts';
import { aCall, answer, Meeting, workOf } from './barrier-calls';
import { firstRow, levels, pgWorld, type PgWorld } from './pg-world';

const work = (body: (db: PgTransaction) => unknown) => workOf<PgTransaction>(body);
const take = "UPDATE stock SET remaining = remaining - 1 WHERE sku = 'a'";

describeWith('postgres', (server) => {
  describe.each(levels)('pgBarrier at %s', (level) => {
    let world: PgWorld;
    /** The client of the last transaction, as somebody could keep it who watches the pool. */
    let raw: PoolClient;

    beforeAll(async () => {
      world = await pgWorld(server, { level });
      world.pool.on('acquire', (client) => {
        raw = client;
      });
      await world.exec('CREATE TABLE stock (sku text PRIMARY KEY, remaining int NOT NULL)');
      await world.barrier.migrate();
    });
    beforeEach(async () => {
      await world.exec('TRUNCATE stock, tercet_barrier');
      await world.exec("INSERT INTO stock VALUES ('a', 100), ('b', 100)");
    });
    afterAll(() => world.close());

    const stock = async (): Promise<number[]> => {
      const rows = await world.exec('SELECT remaining FROM stock ORDER BY sku');
      return rows.map(({ remaining }) => Number(remaining));
    };

    test('the level is the one of the pool', async () => {
      const seen: unknown[] = [];
      const look = work(async (db) => {
        seen.push(await firstRow(db.query('SHOW transaction_isolation')));
      });
      await world.barrier.carryOut(aCall(), look);
      expect(seen).toEqual([{ transaction_isolation: level.toLowerCase() }]);
    });

    test('named statements stay prepared on their connection, also where the transaction is rolled back', async () => {
      const named = (fails: boolean) =>
        work(async (db) => {
          const text = 'UPDATE stock SET remaining = remaining - $1 WHERE sku = $2';
          await db.query({ name: 'take', text, values: [1, 'a'] });
          if (fails) throw new Error('no');
        });
      await expect(world.barrier.carryOut(aCall(), named(true))).rejects.toThrow('no');
      await world.barrier.carryOut(aCall(), named(false));
      expect(await stock()).toEqual([99, 100]);
    });

    test('two that read and then write the same row both succeed', async () => {
      const meeting = new Meeting(2);
      const readAndWrite = work(async (db) => {
        const text = "SELECT remaining FROM stock WHERE sku = 'a' FOR UPDATE";
        const { remaining } = await firstRow(db.query(text));
        await meeting.meet();
        await db.query("UPDATE stock SET remaining = $1 WHERE sku = 'a'", [Number(remaining) - 1]);
      });
      // Whoever is first holds the row until the test comes too; the second waits for the row meanwhile.
      const first = world.barrier.carryOut(aCall(), readAndWrite);
      const second = world.barrier.carryOut(aCall(), readAndWrite);
      await meeting.meet();
      const ends = await Promise.all([first, second]);
      expect(ends.map(({ kind }) => kind)).toEqual(['done', 'done']);
      expect(await stock()).toEqual([98, 100]);
    });

    test('a deadlock that the handler swallows is met by a new beginning, not by an answer', async () => {
      const meeting = new Meeting(2);
      let swallowed = 0;
      const careless = (first: string, second: string) =>
        work(async (db) => {
          const text = 'UPDATE stock SET remaining = remaining - 1 WHERE sku = $1';
          await db.query(text, [first]);
          await meeting.meet();
          await db.query(text, [second]).catch(() => {
            swallowed += 1;
          });
          // What follows the swallowed error fails too, and says nothing of the reason.
          await db.query('SELECT 1').catch(() => undefined);
        });
      const ends = await Promise.all([
        world.barrier.carryOut(aCall(), careless('a', 'b')),
        world.barrier.carryOut(aCall(), careless('b', 'a')),
      ]);
      expect(ends.map(({ kind }) => kind)).toEqual(['done', 'done']);
      expect(swallowed).toBeGreaterThan(0);
      expect(await stock()).toEqual([98, 98]);
    });

    test('any other error that the handler swallows is never answered OK', async () => {
      const careless = work(async (db) => {
        await db.query(take);
        await db.query('SELECT * FROM nowhere').catch(() => undefined);
      });
      const failure = world.barrier.carryOut(aCall(), careless);
      await expect(failure).rejects.toBeInstanceOf(BarrierError);
      await expect(failure).rejects.toThrow(/Try handler of reserve.*went on/s);
      expect(await stock()).toEqual([100, 100]);
      await world.expectClean();
    });

    test('an error that the handler takes back to a savepoint is its own business', async () => {
      const careful = work(async (db) => {
        await db.query('SAVEPOINT here');
        await db.query('SELECT * FROM nowhere').catch(() => db.query('ROLLBACK TO SAVEPOINT here'));
        await db.query(take);
      });
      expect((await world.barrier.carryOut(aCall(), careful)).kind).toBe('done');
      expect(await stock()).toEqual([99, 100]);
    });

    test('a deferred constraint that fails at COMMIT is not answered OK, and keeps nothing', async () => {
      await world.exec(
        'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (of int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)',
      );
      const orphan = work((db) => db.query('INSERT INTO child VALUES (7)'));
      await expect(world.barrier.carryOut(aCall(), orphan)).rejects.toThrow(BarrierError);
      expect(await world.exec('SELECT 1 FROM child')).toEqual([]);
      expect(await world.exec('SELECT 1 FROM tercet_barrier')).toEqual([]);
      await world.expectClean();
      await world.exec('DROP TABLE child, parent');
    });

    test('a row that stays locked is a retry; the handler’s own lock waits keep the user’s setting', async () => {
      const call = aCall();
      const other = await world.admin.connect();
      await other.query('BEGIN');
      await other.query(
        "INSERT INTO tercet_barrier VALUES ($1, '1', 'try', 'g', 'try', NULL, NULL, 1, 1)",
        [call.runId],
      );
      const locked = world.barrier.carryOut(
        call,
        work((db) => db.query(take)),
      );
      await expect(locked).rejects.toBeInstanceOf(TccRetry);
      await expect(locked).rejects.toThrow('barrier: row locked');
      await other.query('ROLLBACK');
      other.release();
      await world.expectClean();
      const seen: unknown[] = [];
      for (const phase of ['try', 'confirm'] as const) {
        const look = work(async (db) => {
          seen.push(await firstRow(db.query('SHOW lock_timeout')));
        });
        await world.barrier.carryOut({ ...call, phase }, look);
      }
      expect(seen).toEqual([{ lock_timeout: '7s' }, { lock_timeout: '7s' }]);
    });

    test('DDL of a handler lives and dies with its transaction', async () => {
      const ddl = (fails: boolean) =>
        work(async (db) => {
          await db.query('CREATE TABLE made (id int)');
          if (fails) throw new Error('no');
        });
      await expect(world.barrier.carryOut(aCall(), ddl(true))).rejects.toThrow('no');
      expect((await world.barrier.carryOut(aCall(), ddl(false))).kind).toBe('done');
      await world.exec('DROP TABLE made');
    });

    test('an end that no text shows is seen in the state of the connection: nothing after it is sent', async () => {
      const later: string[] = [];
      const meddling = work(async (db) => {
        await raw.query('COMMIT');
        await db.query(take).catch((error: Error) => later.push(error.message));
      });
      const call = aCall();
      await expect(world.barrier.carryOut(call, meddling)).rejects.toThrow(BarrierError);
      expect(later[0]).toMatch('not sent: the handler ended its local transaction');
      expect(await stock()).toEqual([100, 100]);
      // The row that it committed was never finished: nothing is built on it.
      expect(
        (
          await world.barrier.carryOut(
            call,
            work(() => undefined),
          )
        ).kind,
      ).toBe('conflict');
      await world.expectClean();
    });

    test('one that ends and begins anew is seen by the last statement: it finds no row of this transaction', async () => {
      const meddling = work(async (db) => {
        await raw.query('COMMIT AND CHAIN');
        await db.query(take);
      });
      await expect(world.barrier.carryOut(aCall(), meddling)).rejects.toThrow(BarrierError);
      expect(await stock()).toEqual([100, 100]);
      await world.expectClean();
    });

    test.each(['release', 'end', 'connect'])('%s() is refused', async (name) => {
      const taking = work((db) => (db as unknown as Record<string, () => void>)[name]?.());
      await expect(world.barrier.carryOut(aCall(), taking)).rejects.toThrow(`${name}() is refused`);
      await world.expectClean();
    });

    test('callbacks are called, cursors are refused', async () => {
      const got: unknown[] = [];
      const asking = work(async (db) => {
        await new Promise<void>((resolve) =>
          db.query('SELECT 1 AS n', (_error: Error, { rows }: { rows: unknown[] }) => {
            got.push(rows);
            resolve();
          }),
        );
        const cursor: object = db.query({ text: 'SELECT 2', submit: () => undefined });
        await (cursor as Promise<unknown>);
      });
      await expect(world.barrier.carryOut(aCall(), asking)).rejects.toThrow('no cursors');
      expect(got).toEqual([[{ n: 1 }]]);
    });

    test('an answer that cannot be asked at all does not hold the next one up', async () => {
      const odd = work(async (db) => {
        await db.query({ text: 7 as unknown as string }).catch(() => undefined);
        await db.query(take);
      });
      expect((await world.barrier.carryOut(aCall(), odd)).kind).toBe('done');
      expect(await stock()).toEqual([99, 100]);
    });

    test('a Confirm takes its two rows and Try’s reply in one statement', async () => {
      const call = aCall();
      await world.barrier.carryOut(call, async () => answer('reply', 'note'));
      await world.barrier.carryOut({ ...call, phase: 'confirm' }, async ({ tried, db }) => {
        expect(tried).toEqual({ reply: Buffer.from('reply'), note: Buffer.from('note') });
        // The settings of the barrier's statement are gone.
        expect((await db.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '7s' }]);
        return answer('');
      });
    });
  });
});
