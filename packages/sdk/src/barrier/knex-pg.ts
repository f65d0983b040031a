/** Local transactions of knex on PostgreSQL. */
import type { Client, QueryConfig, QueryResult } from 'pg';
import type { KnexConnection } from './knex-client';
import type { KnexDriver } from './knex-database';
import { KnexBegin } from './knex-transaction';
import type { PgSession } from './pg-session';
import { pgResult, pgStatement } from './pg-statement';
import { beginOnPg } from './pg-transaction';
import { postgresDialect } from './postgres-dialect';

type Connection = Client & KnexConnection;
type Callback = (error: Error | null, result?: QueryResult) => void;

/** The driver `pg` under knex. */
export const knexPg: KnexDriver<Connection> = {
  dialect: postgresDialect,
  begin: (connection, opening) =>
    beginOnPg({
      client: connection,
      scheduler: opening.scheduler,
      idleMs: opening.idleMs,
      dbOf: (session) => opening.dbOf(standIn(connection, session), session.gate),
      giveBack: opening.giveBack,
    }),
  statement: async (connection, sql, params) =>
    pgResult(await connection.query(pgStatement(sql, params))),
  destroy: (connection) => {
    connection.end(() => undefined);
  },
};

/** What knex uses of a connection of pg: `query` with a callback, and the number by which it cancels. */
function standIn(connection: Connection, session: PgSession): object {
  const begin = new KnexBegin();
  const { processID } = connection as { readonly processID?: unknown };
  return {
    __knexUid: connection.__knexUid,
    processID,
    set __knex__disposed(why: unknown) {
      connection.__knex__disposed = why;
    },
    query(config: QueryConfig, told: Callback): void {
      if (begin.is(config.text)) {
        told(null, NOTHING);
        return;
      }
      session
        .handlerStatement(config.text, () => connection.query(config))
        .then(
          (result) => told(null, result),
          (error: unknown) => told(error as Error),
        );
    },
  };
}

const NOTHING: QueryResult = { command: 'BEGIN', rowCount: null, oid: 0, fields: [], rows: [] };
