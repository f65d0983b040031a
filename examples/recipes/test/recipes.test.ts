/** Every recipe against the laws of participants, on SQLite and, where it differs there, on a real MariaDB. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Barrier, TccRetry } from '@tercet/sdk';
import { type Mysql2Transaction, mysql2Barrier } from '@tercet/sdk/mysql2';
import { sqliteBarrier } from '@tercet/sdk/sqlite';
import { checkParticipant } from '@tercet/testing';
import { type Pool, type RowDataPacket, createPool } from 'mysql2/promise';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import * as recipes from '../src';
import { FakeProvider } from './support/fake-provider';

/** All laws for one action take a while: crashes and races among them. */
const LAWS_MS = 120_000;

/** Five pieces each time; the shelf of 40 holds them for every request of a law at once. */
const reserve = (n: number) => ({ sku: 'cup', quantity: 4 + n, seenVersion: 0 });
const pick = (n: number) => ({ train: 'ICE 1', traveller: `traveller-${n}` });

describe('on sqlite', () => {
  let folder = '';
  let db: recipes.Database;
  let barrier: Barrier<recipes.Database>;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'recipes-'));
    const file = path.join(folder, 'recipes.db');
    db = await recipes.openDatabase(file);
    barrier = sqliteBarrier(await recipes.openDatabase(file));
    await barrier.migrate();
  });

  afterAll(() => {
    db.close();
    rmSync(folder, { recursive: true });
  });

  const rowsOf = (sql: string): unknown[] =>
    db
      .prepare(sql)
      .all()
      .map((row): unknown => ({ ...(row as object) }));

  test(
    'version column: keeps every law',
    async () => {
      db.exec(`DROP TABLE IF EXISTS article; ${recipes.versionedArticle}`);
      await checkParticipant(recipes.shelf, recipes.versionedShelf, {
        barrier,
        requests: { reserve },
        refused: { reserve: () => ({ sku: 'cup', quantity: 41, seenVersion: 0 }) },
        snapshot: () => rowsOf('SELECT sku, available, reserved FROM article'),
        reset: () =>
          db.exec("DELETE FROM article; INSERT INTO article (sku, available) VALUES ('cup', 40)"),
      });
    },
    LAWS_MS,
  );

  test(
    'reservation table: keeps every law',
    async () => {
      db.exec(`DROP TABLE IF EXISTS article; ${recipes.reservationTables}`);
      await checkParticipant(recipes.shelf, recipes.shelfWithReservations, {
        barrier,
        requests: { reserve },
        refused: { reserve: () => ({ sku: 'cup', quantity: 41, seenVersion: 0 }) },
        snapshot: () => [
          rowsOf('SELECT * FROM article'),
          rowsOf('SELECT sku, quantity FROM reservation ORDER BY quantity'),
        ],
        reset: () =>
          db.exec(
            "DELETE FROM reservation; DELETE FROM article; INSERT INTO article (sku, on_hand) VALUES ('cup', 40)",
          ),
      });
    },
    LAWS_MS,
  );

  test(
    'made by Try: keeps every law',
    async () => {
      db.exec(recipes.seatTables);
      await checkParticipant(recipes.train, recipes.seats, {
        barrier,
        requests: { pick },
        snapshot: () => [
          // Which of the seats it is depends on who comes first.
          rowsOf('SELECT traveller, sold FROM seat ORDER BY traveller, sold'),
          rowsOf('SELECT traveller, code FROM voucher ORDER BY traveller'),
        ],
        reset: () =>
          db.exec(
            `DELETE FROM seat; DELETE FROM voucher;
             INSERT INTO seat (train, seat) VALUES ('ICE 1', '1A'), ('ICE 1', '1B'), ('ICE 1', '2A'), ('ICE 1', '2B');
             INSERT INTO voucher VALUES ('traveller-1', 'spring'), ('traveller-3', 'autumn')`,
          ),
      });
    },
    LAWS_MS,
  );

  test(
    'a charge at a provider: keeps every law, there too',
    async () => {
      db.exec(recipes.chargeTable);
      const provider = new FakeProvider();
      await checkParticipant(recipes.card, recipes.charges(provider), {
        barrier,
        requests: { charge: (n) => ({ card: `card-${n}`, cents: BigInt(100 * n) }) },
        refused: { charge: () => ({ card: 'empty', cents: 1n }) },
        snapshot: () => [
          provider.snapshot(),
          rowsOf("SELECT cents, state FROM charge WHERE state <> 'released' ORDER BY cents"),
        ],
        reset: () => {
          provider.reset();
          db.exec('DELETE FROM charge');
        },
      });
    },
    LAWS_MS,
  );
});

describeWith('mariadb', (server) => {
  let pool: Pool;
  let barrier: Barrier<Mysql2Transaction>;

  beforeAll(async () => {
    const { url } = await freshDatabase(server);
    pool = createPool({ uri: url, connectionLimit: 12 });
    barrier = mysql2Barrier(pool);
    await barrier.migrate();
  });

  afterAll(() => pool.end());

  const run = async (...statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await pool.query(statement);
  };
  const rowsOf = async (sql: string): Promise<unknown> => {
    const [rows] = await pool.query<RowDataPacket[]>(sql);
    return rows.map((row): unknown => ({ ...row }));
  };

  describe('version column', () => {
    beforeAll(() => run('DROP TABLE IF EXISTS article', recipes.versionedArticleTable));

    test(
      'keeps every law',
      async () => {
        await checkParticipant(recipes.shelf, recipes.versionedShelfOnMariadb, {
          barrier,
          requests: { reserve },
          refused: { reserve: () => ({ sku: 'cup', quantity: 41, seenVersion: 0 }) },
          snapshot: () => rowsOf('SELECT sku, available, reserved FROM article'),
          reset: () =>
            run('DELETE FROM article', "INSERT INTO article (sku, available) VALUES ('cup', 40)"),
        });
      },
      LAWS_MS,
    );

    test('who finds that somebody was faster is asked to come again', async () => {
      await run('DELETE FROM article', "INSERT INTO article (sku, available) VALUES ('cup', 40)");
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      // Between its SELECT and its UPDATE another transaction commits.
      const overtaken = new Proxy(connection, {
        get: (target, name): unknown =>
          name === 'execute'
            ? async (sql: string, params: (string | number)[]) => {
                const answer = await target.execute(sql, params);
                if (sql.startsWith('SELECT')) {
                  await pool.query('UPDATE article SET available = 39, version = version + 1');
                }
                return answer;
              }
            : (Reflect.get(target, name) as unknown),
      });
      const ctx = {
        db: overtaken,
        retry: ({ reason }: { reason: string }): never => {
          throw new TccRetry({ reason });
        },
      };
      const handler = recipes.versionedShelfOnMariadb.reserve.try as unknown as (
        request: object,
        context: object,
      ) => Promise<unknown>;
      await expect(handler(reserve(1), ctx)).rejects.toThrow('the article has just changed');
      await connection.rollback();
      connection.release();
      expect(await rowsOf('SELECT available, reserved, version FROM article')).toEqual([
        { available: 39, reserved: 0, version: 2 },
      ]);
    });
  });

  test(
    'reservation table: keeps every law, and never gives more than there is',
    async () => {
      await run('DROP TABLE IF EXISTS article', ...recipes.reservationTablesOfMariadb);
      await checkParticipant(recipes.shelf, recipes.shelfWithReservationsOnMariadb, {
        barrier,
        requests: { reserve },
        refused: { reserve: () => ({ sku: 'cup', quantity: 41, seenVersion: 0 }) },
        snapshot: async () => [
          await rowsOf('SELECT * FROM article'),
          await rowsOf('SELECT sku, quantity FROM reservation ORDER BY quantity'),
        ],
        reset: () =>
          run(
            'DELETE FROM reservation',
            'DELETE FROM article',
            "INSERT INTO article (sku, on_hand) VALUES ('cup', 40)",
          ),
      });
    },
    LAWS_MS,
  );

  test(
    'made by Try: keeps every law',
    async () => {
      await run(...recipes.seatTablesOfMariadb);
      await checkParticipant(recipes.train, recipes.seatsOnMariadb, {
        barrier,
        requests: { pick },
        snapshot: async () => [
          await rowsOf('SELECT traveller, sold FROM seat ORDER BY traveller, sold'),
          await rowsOf('SELECT traveller, code FROM voucher ORDER BY traveller'),
        ],
        reset: () =>
          run(
            'DELETE FROM seat',
            'DELETE FROM voucher',
            "INSERT INTO seat (train, seat) VALUES ('ICE 1', '1A'), ('ICE 1', '1B'), ('ICE 1', '2A'), ('ICE 1', '2B')",
            "INSERT INTO voucher VALUES ('traveller-1', 'spring'), ('traveller-3', 'autumn')",
          ),
      });
    },
    LAWS_MS,
  );
});

test('an idempotency key is the same for the same work, and another one for any other', () => {
  const key = recipes.idempotencyKey('order-1', 'hold');
  // printf 'order-1:hold' | sha256sum
  expect(key).toBe('9a725356cf8fb7eaa8cc4926e9e67fb3d33372518b17c0246c8fad23da1f81e6');
  expect(recipes.idempotencyKey('order-1', 'hold')).toBe(key);
  expect(recipes.idempotencyKey('order-1', 'release')).not.toBe(key);
  expect(recipes.idempotencyKey('order-2', 'hold')).not.toBe(key);
});
