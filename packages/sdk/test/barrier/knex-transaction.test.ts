/** `ctx.db` of `knexBarrier` is a transaction of knex, in every database. */
import { expect, test } from '@jest/globals';
import type { Knex } from 'knex';
import type { BarrierWork } from '../../src/barrier/barrier';
import { BarrierError } from '../../src/errors';
import { aCall, workOf } from './barrier-calls';
import { describeKnexEverywhere, inShop } from './support/knex-shop';

type Trx = Knex.Transaction;

const work = (body: (db: Trx) => unknown): BarrierWork<Trx> => workOf<Trx>(body);
const take = (db: Trx, sku: string, count = 1) =>
  db('stock').where({ sku }).decrement('remaining', count);

describeKnexEverywhere((open) => {
  inShop(open, (shop) => {
    test('query builder, raw and nested transactions are all one local transaction', async () => {
      const everything = (fails: boolean) =>
        work(async (db) => {
          expect([db.isTransaction, db.isCompleted()]).toEqual([true, false]);
          await Promise.all([
            take(db, 'a'),
            db.raw('UPDATE stock SET remaining = remaining - ? WHERE sku = ?', [1, 'b']),
          ]);
          expect(await db('stock').orderBy('sku').pluck('remaining')).toEqual([99, 99]);
          if (fails) throw new Error('no');
        });
      await expect(shop.barrier.carryOut(aCall(), everything(true))).rejects.toThrow('no');
      expect(await shop.stock()).toBe('100 100');
      expect((await shop.barrier.carryOut(aCall(), everything(false))).kind).toBe('done');
      expect(await shop.stock()).toBe('99 99');
      await shop.world.expectClean();
    });

    test('nested transactions are savepoints, whichever way they end', async () => {
      const nesting = work(async (db) => {
        await db.transaction((inner) => take(inner, 'a'));
        const undone = db.transaction(async (inner) => {
          await take(inner, 'b');
          throw new Error('undo');
        });
        await expect(undone).rejects.toThrow('undo');
        const kept = await db.transaction();
        await kept.transaction((deeper) => take(deeper, 'a'));
        await kept.commit();
        const dropped = await db.transaction();
        await take(dropped, 'b');
        await dropped.rollback();
      });
      expect((await shop.barrier.carryOut(aCall(), nesting)).kind).toBe('done');
      expect(await shop.stock()).toBe('98 100');
      await shop.world.expectClean();
    });

    test.each(['commit', 'rollback'] as const)(
      'ctx.db.%s() is refused, and the call is not OK though the handler catches it',
      async (name) => {
        const told: string[] = [];
        const meddling = work(async (db) => {
          await take(db, 'a');
          try {
            await db[name]();
          } catch (error) {
            told.push((error as Error).message);
          }
          await take(db, 'b');
        });
        const failure = shop.barrier.carryOut(aCall(), meddling);
        await expect(failure).rejects.toBeInstanceOf(BarrierError);
        await expect(failure).rejects.toThrow(/Try handler of reserve|tried to end/);
        expect(told[0]).toMatch(`ctx.db.${name}() is refused`);
        expect([await shop.stock(), await shop.rows()]).toEqual(['100 100', 0]);
        await shop.world.expectClean();
      },
    );

    test('what is used after the handler returned says so, and reaches no later transaction', async () => {
      let kept: Trx | undefined;
      const keeping = work((db) => {
        kept = db;
      });
      await shop.barrier.carryOut(aCall(), keeping);
      expect(kept?.isCompleted()).toBe(true);
      const late = 'used after its handler had returned';
      await expect(kept?.('stock').delete()).rejects.toThrow(late);
      await expect(kept?.transaction(async () => undefined)).rejects.toThrow(late);
      expect(() => kept?.commit()).toThrow(late);
      expect(
        (
          await shop.barrier.carryOut(
            aCall(),
            work((db) => take(db, 'a')),
          )
        ).kind,
      ).toBe('done');
      expect(await shop.stock()).toBe('99 100');
    });

    test('streams are refused, also in a nested transaction', async () => {
      const streaming = (nested: boolean) =>
        work(async (db) => {
          const read = async (trx: Trx) => {
            for await (const row of trx('stock').stream()) expect(row).toBeUndefined();
          };
          await (nested ? db.transaction(read) : read(db));
        });
      for (const nested of [false, true]) {
        const call = shop.barrier.carryOut(aCall(), streaming(nested));
        await expect(call).rejects.toThrow('gives no streams');
      }
      await shop.world.expectClean();
    });

    test('the events of knex tell what handlers do', async () => {
      const told: string[] = [];
      const listen = ({ sql }: { sql: string }) => told.push(sql);
      shop.world.knex.on('query', listen);
      await shop.barrier.carryOut(
        aCall(),
        work((db) => take(db, 'a')),
      );
      shop.world.knex.removeListener('query', listen);
      expect(told.filter((sql) => /update/i.test(sql))).toHaveLength(1);
    });
  });
});
