/** Local transactions of knex on MySQL and MariaDB. */
import type { Connection as CoreConnection, QueryOptions } from 'mysql2';
import type { Knex } from 'knex';
import type { KnexConnection } from './knex-client';
import type { KnexDriver, KnexOpening } from './knex-database';
import { KnexBegin } from './knex-transaction';
import type { LocalTransaction, SqlValue, StatementResult } from './local-database';
import { ask, resultOf } from './mysql2-ask';
import { Mysql2Server } from './mysql2-server';
import { Mysql2Session } from './mysql2-session';
import { PooledTransaction } from './pooled-transaction';
import type { SqlDialect } from './sql-dialect';

type Connection = CoreConnection & KnexConnection;
type Callback = (error: Error | null, rows?: unknown, fields?: unknown) => void;
type Answer = readonly [rows: unknown, fields: unknown];

/** The driver `mysql2` under knex. */
export class KnexMysql2 implements KnexDriver<Connection> {
  private readonly server = new Mysql2Server(() => ({
    pool: "knex's pool",
    remedy:
      'remove what sets `autocommit = 0` (`pool.afterCreate`), or give the participant an instance of knex of its own',
  }));

  get dialect(): SqlDialect {
    return this.server.dialect;
  }

  async begin(
    connection: Connection,
    opening: KnexOpening,
  ): Promise<LocalTransaction<Knex.Transaction>> {
    let session: Mysql2Session | undefined;
    try {
      const server = await this.server.behind(connection);
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
    await this.server.behind(connection);
    return resultOf(await ask(connection, sql, params));
  }

  destroy(connection: Connection): void {
    connection.destroy();
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
