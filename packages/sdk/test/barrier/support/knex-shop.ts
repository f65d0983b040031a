/** Databases that knex can have under a barrier, each with the same table `stock`. */
import { afterAll, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import makeKnex, { type Knex } from 'knex';
import { describeWith, type TestServer } from '../../../../../test/support/servers/describe-with';
import type { Barrier } from '../../../src/barrier/barrier';
import { knexBarrier } from '../../../src/barrier/knex';
import { clientOf } from '../../../src/barrier/knex-client';
import type { ContractDatabase, ContractRow } from '../adapter-contract';
import { NodeSqliteClient } from './sqlite-clients';

/** Isolation levels that a barrier is asked to bear. */
export const levels = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const;

/** One database as a participant has it. */
export interface KnexWorld extends ContractDatabase<Knex.Transaction> {
  readonly knex: Knex;
  readonly barrier: Barrier<Knex.Transaction>;
  /** Somebody else in the same database; on SQLite the participant itself. */
  readonly admin: Knex;
  /** Empty for SQLite. */
  readonly url: string;
}

/** Knex prints what becomes of connections that are thrown away. */
export const quiet = { warn: (): void => undefined, error: (): void => undefined };

/** Makes one of a function that opens it; `settings` reads what must be the same on every connection. */
async function worldOf(open: () => Knex, url: string, settings: string): Promise<KnexWorld> {
  const knex = open();
  const admin = url === '' ? knex : open();
  const before = await rowsOf(knex.raw(settings));
  return {
    knex,
    admin,
    url,
    barrier: knexBarrier(knex),
    barrierWith: (options) => knexBarrier(knex, options),
    exec: (sql) => rowsOf(admin.raw(sql)),
    expectClean: () => expectClean(knex, settings, before),
    close: async () => {
      await knex.destroy();
      if (admin !== knex) await admin.destroy();
    },
  };
}

/** The rows of `raw`, which every client of knex gives in its own way. */
export async function rowsOf(raw: PromiseLike<unknown>): Promise<readonly ContractRow[]> {
  const answer = await raw;
  if (Array.isArray(answer)) {
    const [first] = answer as readonly unknown[];
    return (Array.isArray(first) ? first : Array.isArray(answer) ? answer : []) as ContractRow[];
  }
  const { rows } = (answer ?? {}) as { readonly rows?: ContractRow[] };
  return rows ?? [];
}

/** The pool of an instance of knex. */
export interface KnexPool {
  numUsed(): number;
  numFree(): number;
}

/** The pool of an instance of knex. */
export function poolOf(knex: Knex): KnexPool {
  return (knex.client as { readonly pool: KnexPool }).pool;
}

/** Every connection is free, with no open transaction and with the settings that it had. */
async function expectClean(knex: Knex, settings: string, before: unknown): Promise<void> {
  const pool = poolOf(knex);
  const client = clientOf(knex);
  expect(pool.numUsed()).toBe(0);
  const count = Math.max(1, pool.numFree());
  const taken = await Promise.all(Array.from({ length: count }, () => client.acquireConnection()));
  for (const connection of taken) {
    expect(await rowsOf(knex.raw(settings).connection(connection))).toEqual(before);
    await client.releaseConnection(connection);
  }
}

type Open = (server: TestServer, level: string) => Promise<KnexWorld>;

const onConnect =
  (sql: string) =>
  (
    connection: { query(sql: string, done: (error: Error | null) => void): void },
    done: (error: Error | null) => void,
  ): void => {
    connection.query(sql, (error) => done(error));
  };

/** On PostgreSQL; its connections wait 7 s for locks, as a user may have set. */
export const postgresWorld: Open = async (server, level) => {
  const { url } = await server.freshDatabase();
  const afterCreate = onConnect(
    `SET default_transaction_isolation = '${level.toLowerCase()}'; SET lock_timeout = '7s'`,
  );
  const open = () =>
    makeKnex({ client: 'pg', connection: url, pool: { min: 0, max: 6, afterCreate }, log: quiet });
  const settings =
    "SELECT current_setting('lock_timeout') AS lock, current_setting('idle_in_transaction_session_timeout') AS idle, " +
    "current_setting('transaction_isolation') AS level";
  return worldOf(open, url, settings);
};

/** On MariaDB. */
export const mariadbWorld: Open = async (server, level) => {
  const { url } = await server.freshDatabase();
  const afterCreate = onConnect(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
  const open = () => mysql2KnexOf(url, { min: 0, max: 6, afterCreate });
  const settings =
    'SELECT @@autocommit AS autocommit, @@in_transaction AS open, @@idle_transaction_timeout AS idle, ' +
    '@@innodb_lock_wait_timeout AS wait, @@tx_isolation AS level';
  return worldOf(open, url, settings);
};

/** An instance of knex on mysql2. */
export function mysql2KnexOf(connection: string, pool: Knex.PoolConfig): Knex {
  return makeKnex({ client: 'mysql2', connection, pool, log: quiet });
}

/** On SQLite, one connection in memory. */
export const sqliteWorld = (): Promise<KnexWorld> => sqliteWorldOf(NodeSqliteClient);

/** On SQLite, by a client class. */
export async function sqliteWorldOf(client: unknown): Promise<KnexWorld> {
  const open = () =>
    makeKnex({
      client: client as typeof Knex.Client,
      connection: { filename: ':memory:' },
      useNullAsDefault: true,
    });
  return worldOf(open, '', 'SELECT 1 AS one');
}

/** Registers tests in one database, with a hundred pieces each of `a` and `b` before every test. */
export function inShop(open: () => Promise<KnexWorld>, body: (shop: KnexShop) => void): void {
  const shop = new KnexShop();
  beforeAll(() => shop.start(open));
  beforeEach(() => shop.fill());
  afterAll(() => shop.stop());
  body(shop);
}

/** A stock beside the barrier's table. */
export class KnexShop {
  private opened: KnexWorld | undefined;

  get world(): KnexWorld {
    if (this.opened === undefined) throw new Error('ask for it in a test');
    return this.opened;
  }

  get barrier(): Barrier<Knex.Transaction> {
    return this.world.barrier;
  }

  async start(open: () => Promise<KnexWorld>): Promise<void> {
    this.opened = await open();
    await this.world.admin.schema.createTable('stock', (table) => {
      table.string('sku', 16).primary();
      table.integer('remaining').notNullable();
    });
    await this.barrier.migrate();
  }

  async stop(): Promise<void> {
    await this.opened?.close();
  }

  async fill(): Promise<void> {
    const { admin } = this.world;
    await admin('tercet_barrier').delete();
    await admin('stock').delete();
    const rows = ['a', 'b'].map((sku) => ({ sku, remaining: 100 }));
    await admin('stock').insert(rows);
  }

  /** `99 100`. */
  async stock(): Promise<string> {
    const counts = await this.world.admin('stock').orderBy('sku').pluck('remaining');
    return counts.join(' ');
  }

  /** How many rows the barrier has. */
  async rows(): Promise<number> {
    return (await this.world.admin('tercet_barrier').select('slot')).length;
  }
}

/** The same tests in every database; servers at every level. */
export function describeKnexEverywhere(body: (open: () => Promise<KnexWorld>) => void): void {
  const servers = [
    ['postgres', postgresWorld],
    ['mariadb', mariadbWorld],
  ] as const;
  for (const [kind, open] of servers) {
    describeWith(kind, (server) => {
      describe.each(levels)('knex at %s', (level) => body(() => open(server, level)));
    });
  }
  describe('knex on SQLite', () => body(sqliteWorld));
}
