/** Which instances of knex a barrier takes, and what it says of pools that give nothing. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '@tercet/runtime';
import makeKnex, { type Knex } from 'knex';
import { knexBarrier } from '../../src/barrier/knex';
import { clientOf } from '../../src/barrier/knex-client';
import { sqliteDialect } from '../../src/barrier/sqlite-dialect';
import { BarrierError, ConfigError } from '../../src/errors';
import { aCall, workOf } from './barrier-calls';
import { BetterSqlite3Client, SilentClient } from './support/sqlite-clients';
import { inShop, poolOf, quiet, sqliteWorldOf } from './support/knex-shop';

type Client = typeof Knex.Client;
const nothing = workOf<Knex.Transaction>(() => undefined);
const sqlite = { connection: { filename: ':memory:' }, useNullAsDefault: true };

describe('what knexBarrier takes', () => {
  test.each([
    ['mysql', 'use `client: "mysql2"`'],
    ['sqlite3', 'use `client: "better-sqlite3"`'],
    ['pgnative', 'use `client: "pg"`'],
    ['cockroachdb', 'use one of pg, mysql2 and better-sqlite3'],
    ['redshift', 'use one of pg, mysql2 and better-sqlite3'],
    ['mssql', 'use one of pg, mysql2 and better-sqlite3'],
  ])('not the client %s; it says what to use', (client, hint) => {
    // Without a connection knex loads no driver.
    const knex = makeKnex({ client, useNullAsDefault: true });
    expect(() => knexBarrier(knex)).toThrow(ConfigError);
    expect(() => knexBarrier(knex)).toThrow(hint);
  });

  test.each([
    ['nothing', undefined],
    ['an object', {}],
    ['options of knex', { client: 'pg' }],
  ])('not %s', (_title, given) => {
    expect(() => knexBarrier(given as unknown as Knex)).toThrow('must be an instance of knex');
  });

  test('not a transaction', async () => {
    const knex = makeKnex({ ...sqlite, client: BetterSqlite3Client as unknown as Client });
    const trx = await knex.transaction();
    expect(() => knexBarrier(trx)).toThrow('it was given a transaction');
    await trx.rollback();
    await knex.destroy();
  });

  test('no option that it does not know', () => {
    expect(() => knexBarrier(makeKnex({ client: 'pg' }), { pool: 1 } as object)).toThrow(
      /knexBarrier.*pool/,
    );
  });
});

describe('pools of knex', () => {
  let knex: Knex | undefined;
  afterEach(() => knex?.destroy());

  test('one that is closed is a BarrierError that names it', async () => {
    const connection = {
      host: 'db.example',
      port: 5433,
      user: 'someone',
      password: 'secret',
      database: 'shop',
    };
    knex = makeKnex({ client: 'pg', connection, log: quiet });
    const barrier = knexBarrier(knex);
    await knex.destroy();
    const call = barrier.carryOut(aCall(), nothing);
    await expect(call).rejects.toBeInstanceOf(BarrierError);
    await expect(call).rejects.toThrow(
      'the knex pool of database shop at db.example:5433 gave no connection',
    );
    await expect(call).rejects.not.toThrow('secret');
  });

  test('one without a free connection fails within the deadline; its connection goes back when it comes', async () => {
    knex = makeKnex({ ...sqlite, client: BetterSqlite3Client as unknown as Client });
    const barrier = knexBarrier(knex);
    await barrier.migrate();
    const held = await clientOf(knex).acquireConnection();
    const call = barrier.carryOut(aCall({ deadline: systemClock.now() + 200 }), nothing);
    await expect(call).rejects.toThrow(
      /the knex pool of database :memory: had no free connection within \d+ ms/,
    );
    await clientOf(knex).releaseConnection(held);
    expect((await barrier.carryOut(aCall(), nothing)).kind).toBe('done');
  });

  test('a connection that is none of SQLite is refused and given back', async () => {
    knex = makeKnex({ ...sqlite, client: SilentClient as unknown as Client });
    await expect(knexBarrier(knex).carryOut(aCall(), nothing)).rejects.toThrow(
      'neither of better-sqlite3 nor of node:sqlite',
    );
    expect(poolOf(knex).numUsed()).toBe(0);
  });

  test('a connection with a forgotten transaction is named', async () => {
    knex = makeKnex({ ...sqlite, client: BetterSqlite3Client as unknown as Client });
    const barrier = knexBarrier(knex);
    await barrier.migrate();
    await knex.raw('BEGIN');
    await expect(barrier.carryOut(aCall(), nothing)).rejects.toThrow('open transaction');
    await knex.raw('ROLLBACK');
    expect((await barrier.carryOut(aCall(), nothing)).kind).toBe('done');
  });
});

describe('drivers with the names of better-sqlite3', () => {
  test.each([
    ['SQLITE_BUSY', 'locked'],
    ['SQLITE_LOCKED', 'locked'],
    ['SQLITE_BUSY_SNAPSHOT', 'restart'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'other'],
  ])('an error of the code %s means %s', (code, failure) => {
    const error = Object.assign(new Error('of better-sqlite3'), { code });
    expect(sqliteDialect.failureOf(error)).toBe(failure);
  });

  inShop(
    () => sqliteWorldOf(BetterSqlite3Client),
    (shop) => {
      test('a Try has its effect once', async () => {
        const call = aCall();
        const take = workOf<Knex.Transaction>((db) =>
          db('stock').where({ sku: 'a' }).decrement('remaining', 1),
        );
        expect((await shop.barrier.carryOut(call, take)).kind).toBe('done');
        expect((await shop.barrier.carryOut(call, take)).kind).toBe('duplicate');
        expect(await shop.stock()).toBe('99 100');
        await shop.world.expectClean();
      });

      test('an end of the transaction is refused, and nothing is kept', async () => {
        const commits = workOf<Knex.Transaction>(async (db) => {
          await db('stock').delete();
          await db.raw('COMMIT').catch(() => undefined);
        });
        await expect(shop.barrier.carryOut(aCall(), commits)).rejects.toBeInstanceOf(BarrierError);
        expect([await shop.stock(), await shop.rows()]).toEqual(['100 100', 0]);
      });
    },
  );
});
