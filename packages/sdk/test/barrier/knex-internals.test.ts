/**
 * The part of knex that `src/barrier/knex-client.ts` names and no documentation promises. Where one of these fails after an update of
 * knex, the adapter has to be looked at.
 */
import { describe, expect, test } from '@jest/globals';
import makeKnex, { type Knex } from 'knex';
import { clientOf } from '../../src/barrier/knex-client';
import { quiet } from './support/knex-shop';
import { BetterSqlite3Client, NodeSqliteClient } from './support/sqlite-clients';

type Client = typeof Knex.Client;
type Told = (error: Error | null, ...results: unknown[]) => void;

const sqlite = { connection: { filename: ':memory:' }, useNullAsDefault: true };

describe('the insides of knex', () => {
  test.each([
    ['pg', 'postgresql', 'pg'],
    ['mysql2', 'mysql', 'mysql2'],
    [BetterSqlite3Client, 'sqlite3', 'better-sqlite3'],
    [NodeSqliteClient, 'sqlite3', 'better-sqlite3'],
  ])('a client names its dialect and its driver', async (client, dialect, driverName) => {
    const knex = makeKnex({ client: client as unknown as Client, useNullAsDefault: true });
    expect(knex.client).toMatchObject({ dialect, driverName });
  });

  test('a client keeps where its database is', async () => {
    const connection = { host: 'db.example', port: 5432, database: 'shop' };
    const knex = makeKnex({ client: 'pg', connection });
    expect(clientOf(knex).connectionSettings).toMatchObject(connection);
    await knex.destroy();
  });

  test('a transaction on a given pg connection begins with BEGIN; and sends everything by query(config, callback)', async () => {
    const sent: unknown[] = [];
    const connection = {
      query: ({ text, values }: { text: string; values: unknown }, told: Told) => {
        sent.push([text, values]);
        told(null, { command: 'X', rows: [], rowCount: 0 });
      },
    };
    const knex = makeKnex({ client: 'pg' });
    const trx = await knex.transaction({ connection });
    await trx.raw('SELECT ?', [1]);
    await trx.transaction(async () => undefined);
    expect(sent).toEqual([
      ['BEGIN;', []],
      ['SELECT $1', [1]],
      [expect.stringMatching(/^SAVEPOINT trx\d+;$/), []],
      [expect.stringMatching(/^RELEASE SAVEPOINT trx\d+;$/), []],
    ]);
  });

  test('one on a mysql2 connection sends by query(options, values, callback)', async () => {
    const sent: unknown[] = [];
    const connection = {
      query: ({ sql }: { sql: string }, values: unknown, told: Told) => {
        sent.push([sql, values]);
        told(null, { affectedRows: 1 }, undefined);
      },
    };
    const trx = await makeKnex({ client: 'mysql2' }).transaction({ connection });
    expect(await trx('stock').where({ sku: 'a' }).update({ remaining: 1 })).toBe(1);
    expect(sent).toEqual([
      ['BEGIN;', undefined],
      ['update `stock` set `remaining` = ? where `sku` = ?', [1, 'a']],
    ]);
  });

  test('one on a connection of SQLite prepares', async () => {
    const sent: string[] = [];
    const statement = {
      reader: false,
      columns: () => [],
      all: () => [],
      run: () => ({ changes: 0, lastInsertRowid: 0 }),
    };
    const connection = {
      prepare: (sql: string) => {
        sent.push(sql);
        return statement;
      },
    };
    for (const client of [BetterSqlite3Client, NodeSqliteClient]) {
      const knex = makeKnex({ client: client as unknown as Client, useNullAsDefault: true });
      const trx = await knex.transaction({ connection });
      await trx.raw('SELECT 1');
    }
    expect(sent).toEqual(['BEGIN;', 'SELECT 1', 'BEGIN;', 'SELECT 1']);
  });

  test('a given connection is not released, and its transaction is open until it is ended', async () => {
    let released = 0;
    const knex = makeKnex({ ...sqlite, client: NodeSqliteClient as unknown as Client });
    const client = clientOf(knex);
    const connection = await client.acquireConnection();
    const release = client.releaseConnection.bind(client);
    client.releaseConnection = (given) => {
      released += 1;
      return release(given);
    };
    const trx = await knex.transaction({ connection });
    expect(trx.isTransaction).toBe(true);
    await trx.rollback();
    expect(released).toBe(0);
    await client.releaseConnection(connection);
    await knex.destroy();
  });

  test('a connection with __knex__disposed is thrown away by the pool', async () => {
    const knex = makeKnex({ ...sqlite, client: NodeSqliteClient as unknown as Client, log: quiet });
    const client = clientOf(knex);
    const first = await client.acquireConnection();
    first.__knex__disposed = new Error('lost');
    await client.releaseConnection(first);
    const second = await client.acquireConnection();
    expect(second).not.toBe(first);
    await client.releaseConnection(second);
    await knex.destroy();
  });
});
