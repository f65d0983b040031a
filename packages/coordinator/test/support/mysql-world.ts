/** A store on a database of its own, and the hands of somebody else in it. */
import type { Scheduler } from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import type { RowDataPacket } from 'mysql2';
import { type Connection, createConnection } from 'mysql2/promise';
import { addressOf } from '../../src/store/sql/mysql/address';
import { MysqlServer } from '../../src/store/sql/mysql/mysql-server';
import { mysqlStore } from '../../src/store/sql/mysql/mysql-store';
import type { Store } from '../../src/store/store';

/** A store that is not open yet. Its beats, and waits for them, are short. */
export function mysqlStoreAt(
  url: string,
  over: {
    readonly unsafeStore?: boolean;
    readonly scheduler?: Scheduler;
    readonly blocks?: boolean;
  } = {},
): Store {
  return mysqlStore({
    url,
    unsafeStore: true,
    clock: systemClock,
    scheduler: systemScheduler,
    random: systemRandom,
    nodeTtlMs: 400,
    ...over,
  });
}

/** A server that is connected, whose owner is `incarnation`. */
export async function mysqlServerAt(url: string, incarnation: string): Promise<MysqlServer> {
  const server = new MysqlServer({
    address: addressOf(url),
    unsafeStore: true,
    clock: systemClock,
    scheduler: systemScheduler,
    nodeTtlMs: 400,
    where: 'here',
  });
  await server.connect();
  server.own(incarnation);
  return server;
}

/** A connection beside the store's. */
export class Hands {
  private constructor(private readonly connection: Connection) {}

  static async at(url: string): Promise<Hands> {
    return new Hands(await createConnection(url));
  }

  /** Runs statements one after another; resolves with the rows of the last. */
  async run(...statements: readonly string[]): Promise<readonly RowDataPacket[]> {
    let rows: readonly RowDataPacket[] = [];
    for (const sql of statements) {
      const [result] = await this.connection.query<RowDataPacket[]>(sql);
      rows = result;
    }
    return rows;
  }

  /** Numbers of the connections to this database that are in the middle of a statement which begins so. */
  async busyWith(beginning: string): Promise<readonly number[]> {
    const [rows] = await this.connection.query<RowDataPacket[]>(
      'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE ?',
      [`${beginning}%`],
    );
    return rows.map((row) => Number(row['id']));
  }

  async end(): Promise<void> {
    await this.connection.end();
  }
}
