/** What drivers under knex, and handlers on them, can do wrong; on the servers at every isolation level. */
import { describe, expect, test } from '@jest/globals';
import makeKnex, { type Knex } from 'knex';
import { describeWith } from '../../../../test/support/servers/describe-with';
import { type BarrierWork } from '../../src/barrier/barrier';
import { knexBarrier } from '../../src/barrier/knex';
import { BarrierError } from '../../src/errors';
import { TccRetry } from '../../src/participant/verdicts';
import { AnswerCutter } from './answer-cutter';
import { aCall, Meeting, workOf } from './barrier-calls';
import {
  inShop,
  type KnexShop,
  levels,
  mariadbWorld,
  postgresWorld,
  quiet,
  rowsOf,
} from './support/knex-shop';

type Trx = Knex.Transaction;

const work = (body: (db: Trx) => unknown): BarrierWork<Trx> => workOf<Trx>(body);
const nothing = work(() => undefined);
const take = (db: Trx, sku: string) => db('stock').where({ sku }).decrement('remaining', 1);

/** Both servers, as far as they are the same. */
function trapsOfServers(shop: KnexShop, server: ServerWords): void {
  test('a deadlock that the handler swallows is never half of the work', async () => {
    const meeting = new Meeting(2);
    const careless = (first: string, second: string) =>
      work(async (db) => {
        await take(db, first);
        await meeting.meet();
        await take(db, second).catch(() => undefined);
        await take(db, second).catch(() => undefined);
      });
    const ends = await Promise.allSettled([
      shop.barrier.carryOut(aCall(), careless('a', 'b')),
      shop.barrier.carryOut(aCall(), careless('b', 'a')),
    ]);
    const done = ends.filter(({ status }) => status === 'fulfilled');
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(BarrierError);
    }
    // Each takes one of its first article and two of its second, or nothing at all.
    const [a, b] = (await shop.stock()).split(' ').map(Number);
    expect(200 - Number(a) - Number(b)).toBe(3 * done.length);
    await shop.world.expectClean();
  });

  test('a row that stays locked is a retry', async () => {
    const call = aCall();
    await shop.barrier.carryOut(call, nothing);
    const other = await shop.world.admin.transaction();
    await other('tercet_barrier').where({ run_id: call.runId }).forUpdate();
    const locked = shop.barrier.carryOut({ ...call, phase: 'confirm' }, nothing);
    await expect(locked).rejects.toBeInstanceOf(TccRetry);
    await other.rollback();
    await shop.world.expectClean();
  });

  test('a connection that is killed under the handler is unknown, and does not come back', async () => {
    const dying = work(async (db) => {
      await take(db, 'a');
      const [row] = await rowsOf(db.raw(server.ownId));
      await shop.world.admin.raw(server.kill(Number(row?.['id'])));
    });
    await expect(shop.barrier.carryOut(aCall(), dying)).rejects.toBeInstanceOf(BarrierError);
    expect([await shop.stock(), await shop.rows()]).toEqual(['100 100', 0]);
    expect((await shop.barrier.carryOut(aCall(), nothing)).kind).toBe('done');
    await shop.world.expectClean();
  });

  test('a COMMIT whose answer is lost is unknown; the call comes again and finds that it took effect', async () => {
    const path = new AnswerCutter(new URL(shop.world.url));
    const connection = await path.open();
    const knex = makeKnex({
      client: server.client,
      connection,
      pool: { min: 0, max: 1 },
      log: quiet,
    });
    const barrier = knexBarrier(knex);
    const call = aCall();
    const taking = work((db) => take(db, 'a'));
    await barrier.check();
    path.cutBehind(server.commit);
    await expect(barrier.carryOut(call, taking)).rejects.toThrow('nobody knows');
    const again = await barrier.carryOut({ ...call, attempt: 2 }, taking);
    expect([again.kind, await shop.stock()]).toEqual(['duplicate', '99 100']);
    await knex.destroy();
    await path.close();
  });

  test('a statement that knex gives up is waited for, and its connection is not used again', async () => {
    const ids: unknown[] = [];
    const impatient = work(async (db) => {
      ids.push((await rowsOf(db.raw(server.ownId)))[0]?.['id']);
      await take(db, 'a');
      await db
        .raw(server.sleep)
        .timeout(10)
        .catch((error: Error) => ids.push(error.name));
    });
    expect((await shop.barrier.carryOut(aCall(), impatient)).kind).toBe('done');
    expect(ids[1]).toBe('KnexTimeoutError');
    const look = work(async (db) => {
      ids.push((await rowsOf(db.raw(server.ownId)))[0]?.['id']);
    });
    await shop.barrier.carryOut(aCall(), look);
    expect(ids[2]).not.toBe(ids[0]);
    expect(await shop.stock()).toBe('99 100');
    await shop.world.expectClean();
  });
}

/** The same things in each server's words. */
interface ServerWords {
  readonly client: string;
  readonly ownId: string;
  readonly kill: (id: number) => string;
  /** What the barrier's COMMIT looks like on the wire. */
  readonly commit: string;
  readonly sleep: string;
}

describeWith('postgres', (server) => {
  describe.each(levels)('knex on PostgreSQL at %s', (level) => {
    inShop(
      () => postgresWorld(server, level),
      (shop) => {
        trapsOfServers(shop, {
          client: 'pg',
          ownId: 'SELECT pg_backend_pid() AS id',
          kill: (id) => `SELECT pg_terminate_backend(${id})`,
          commit: 'COMMIT',
          sleep: 'SELECT pg_sleep(0.1)',
        });

        test('an SQL error that the handler swallows is never answered OK', async () => {
          const careless = work(async (db) => {
            await take(db, 'a');
            await db('nowhere').catch(() => undefined);
          });
          const failure = shop.barrier.carryOut(aCall(), careless);
          await expect(failure).rejects.toThrow(/Try handler of reserve.*went on/s);
          expect([await shop.stock(), await shop.rows()]).toEqual(['100 100', 0]);
          await shop.world.expectClean();
        });

        test('an error within a nested transaction is undone there', async () => {
          const careful = work(async (db) => {
            await db.transaction((inner) => inner('nowhere')).catch(() => undefined);
            await take(db, 'a');
          });
          expect((await shop.barrier.carryOut(aCall(), careful)).kind).toBe('done');
          expect(await shop.stock()).toBe('99 100');
        });

        test('DDL lives and dies with the transaction', async () => {
          const ddl = (fails: boolean) =>
            work(async (db) => {
              await db.schema.createTable('made', (table) => table.increments());
              if (fails) throw new Error('no');
            });
          await expect(shop.barrier.carryOut(aCall(), ddl(true))).rejects.toThrow('no');
          expect(await shop.world.admin.schema.hasTable('made')).toBe(false);
          await shop.barrier.carryOut(aCall(), ddl(false));
          await shop.world.admin.schema.dropTable('made');
        });

        test('the bound on idleness is there in the transaction, and gone after it', async () => {
          const seen: unknown[] = [];
          const look = work(async (db) => {
            seen.push(...(await rowsOf(db.raw('SHOW idle_in_transaction_session_timeout'))));
          });
          await shop.barrier.carryOut(aCall(), look);
          expect(seen).not.toEqual([{ idle_in_transaction_session_timeout: '0' }]);
          await shop.world.expectClean();
        });
      },
    );
  });
});

describeWith('mariadb', (server) => {
  describe.each(levels)('knex on MariaDB at %s', (level) => {
    inShop(
      () => mariadbWorld(server, level),
      (shop) => {
        trapsOfServers(shop, {
          client: 'mysql2',
          ownId: 'SELECT CONNECTION_ID() AS id',
          kill: (id) => `KILL ${id}`,
          commit: 'autocommit = 1',
          sleep: 'DO SLEEP(0.1)',
        });

        test('DDL is refused before it can commit anything', async () => {
          const ddl = work(async (db) => {
            await take(db, 'a');
            await db.schema
              .createTable('made', (table) => table.increments())
              .catch(() => undefined);
          });
          await expect(shop.barrier.carryOut(aCall(), ddl)).rejects.toBeInstanceOf(BarrierError);
          expect([await shop.stock(), await shop.rows()]).toEqual(['100 100', 0]);
          expect(await shop.world.admin.schema.hasTable('made')).toBe(false);
          await shop.world.expectClean();
        });

        test('a procedure that commits is seen in the answer of the server', async () => {
          await shop.world.admin.raw('CREATE OR REPLACE PROCEDURE commits() COMMIT');
          const calling = work(async (db) => {
            await db.raw('CALL commits()');
            await take(db, 'a').catch(() => undefined);
          });
          await expect(shop.barrier.carryOut(aCall(), calling)).rejects.toBeInstanceOf(
            BarrierError,
          );
          expect(await shop.stock()).toBe('100 100');
          await shop.world.expectClean();
        });

        test('the bound on idleness is there in the transaction, and gone after it', async () => {
          const seen: unknown[] = [];
          const look = work(async (db) => {
            seen.push(...(await rowsOf(db.raw('SELECT @@idle_transaction_timeout AS idle'))));
          });
          await shop.barrier.carryOut(aCall({ deadline: undefined }), look);
          expect(seen).toEqual([{ idle: 65 }]);
          await shop.world.expectClean();
        });
      },
    );
  });
});
