/** Local transactions of knex on MySQL and MariaDB. */
import type { Connection as CoreConnection, QueryOptions } from 'mysql2';
import type { Knex } from 'knex';
import { BarrierError } from '../errors';
import type { KnexConnection } from './knex-client';
import type { KnexDriver, KnexOpening } from './knex-database';
import { KnexBegin } from './knex-transaction';
import type { LocalTransaction, SqlValue, StatementResult } from './local-database';
import { mysqlDialect } from './mysql-dialect';
import { type MysqlServer, mysqlServerOf } from './mysql-server';
import { ask, resultOf } from './mysql2-ask';
import { Mysql2Session } from './mysql2-session';
import { PooledTransaction } from './pooled-transaction';
import type { SqlDialect } from './sql-dialect';

type Connection = CoreConnection & KnexConnection;
type Callback = (error: Error | null, rows?: unknown, fields?: unknown) => void;
type Answer = readonly [rows: unknown, fields: unknown];

/** The driver `mysql2` under knex. */
export class KnexMysql2 implements KnexDriver<Connection> {
  /** Until the server has said which one it is: what all of them understand. */
  private known: SqlDialect = mysqlDialect({ isMariadb: false, version: [8, 0] });
  private server: MysqlServer | undefined;

  get dialect(): SqlDialect {
    return this.known;
  }

  async begin(
    connection: Connection,
    opening: KnexOpening,
  ): Promise<LocalTransaction<Knex.Transaction>> {
    let session: Mysql2Session | undefined;
    try {
      const server = await this.serverBehind(connection);
      const { scheduler } = opening;
      const idleMs = Math.max(1, Math.ceil(opening.idleMs));
      session = new Mysql2Session({ connection, server, scheduler, idleMs });
      await session.begin();
      const db = await opening.dbOf(standIn(connection, session), session.gate);
      return new PooledTransaction(db, session, opening.giveBack);
    } catch (error) {
      // Whatever went wrong at its beginning, a new connection is cheaper than finding out.
      opening.giveBack(error as Error);
      session?.stop();
      throw error;
    }
  }

  async statement(
    connection: Connection,
    sql: string,
    params: readonly SqlValue[],
  ): Promise<StatementResult> {
    await this.serverBehind(connection);
    return resultOf(await ask(connection, sql, params));
  }

  destroy(connection: Connection): void {
    connection.destroy();
  }

  /** Asked once: all connections of a pool lead to the same kind of server. */
  private async serverBehind(connection: Connection): Promise<MysqlServer> {
    if (this.server !== undefined) return this.server;
    const text = 'SELECT VERSION() AS version, @@autocommit AS autocommit';
    const { rows } = resultOf(await ask(connection, text, []));
    if (Number(rows[0]?.['autocommit']) !== 1) {
      throw new BarrierError(
        "the connections of knex's pool are not in autocommit mode: remove what sets `autocommit = 0` (`pool.afterCreate`), or " +
          'give the participant an instance of knex of its own',
      );
    }
    this.server = mysqlServerOf(String(rows[0]?.['version']));
    this.known = mysqlDialect(this.server);
    return this.server;
  }
}

/** What knex uses of a connection of mysql2: `query` with a callback, and the number by which it cancels. */
function standIn(connection: Connection, session: Mysql2Session): object {
  const begin = new KnexBegin();
  return {
    __knexUid: connection.__knexUid,
    threadId: connection.threadId,
    set __knex__disposed(why: unknown) {
      connection.__knex__disposed = why;
    },
    query(options: QueryOptions, values: unknown, told: Callback): void {
      if (begin.is(options.sql)) {
        told(null, { affectedRows: 0 }, undefined);
        return;
      }
      session
        .handlerStatement(options.sql, () => answerOf(connection, options, values))
        .then(
          ([rows, fields]) => told(null, rows, fields),
          (error: unknown) => told(error as Error),
        );
    },
  };
}

function answerOf(connection: Connection, options: QueryOptions, values: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.query(options, values as unknown[], (error, rows, fields) => {
      if (error === null) resolve([rows, fields]);
      else reject(error);
    });
  });
}
