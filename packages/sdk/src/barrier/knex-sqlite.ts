/** Local transactions of knex on SQLite: better-sqlite3, and clients on the API of node:sqlite. */
import type { Knex } from 'knex';
import { BarrierError, ConfigError } from '../errors';
import type { KnexConnection } from './knex-client';
import type { KnexDriver, KnexOpening } from './knex-database';
import { KnexBegin } from './knex-transaction';
import type { LocalTransaction, SqlValue, StatementResult } from './local-database';
import type { SqliteConnection } from './sqlite-connection';
import { sqliteDialect } from './sqlite-dialect';
import { SqliteStatements } from './sqlite-statements';
import { SqliteTransaction } from './sqlite-transaction';
import { untilFree } from './until-free';
import type { BarrierSettings } from './barrier-options';

/** What both drivers have; the names of the last two differ. */
type Connection = KnexConnection &
  SqliteConnection & {
    /** better-sqlite3: whether a transaction is open. */
    readonly inTransaction?: boolean;
  };

/** A driver of SQLite under knex. */
export class KnexSqlite implements KnexDriver<Connection> {
  readonly dialect = sqliteDialect;
  private readonly statements = new WeakMap<Connection, SqliteStatements>();

  constructor(private readonly settings: BarrierSettings) {}

  async begin(
    connection: Connection,
    opening: KnexOpening,
  ): Promise<LocalTransaction<Knex.Transaction>> {
    const { settings } = this;
    const view = viewOf(connection);
    const whenFree = (sql: string) => untilFree(settings, () => view.exec(sql));
    try {
      refuseUnusable(connection, view);
      await whenFree('BEGIN IMMEDIATE');
    } catch (error) {
      opening.giveBack(undefined);
      throw error;
    }
    const transaction = new SqliteTransaction({
      connection: view,
      statements: this.statementsOf(connection),
      scheduler: opening.scheduler,
      idleMs: opening.idleMs,
      commit: () => whenFree('COMMIT'),
      end: () => opening.giveBack(view.isTransaction === true ? LEFT_OPEN() : undefined),
    });
    const db = await dbOn(transaction, opening, connection);
    return {
      db,
      statement: (sql, params) => transaction.statement(sql, params),
      handlerStarts: () => transaction.handlerStarts(),
      handlerEnded: () => transaction.handlerEnded(),
      commit: () => transaction.commit(),
      rollback: () => transaction.rollback(),
    };
  }

  async statement(
    connection: Connection,
    sql: string,
    params: readonly SqlValue[],
  ): Promise<StatementResult> {
    return untilFree(this.settings, () => this.statementsOf(connection).run(sql, params));
  }

  destroy(connection: Connection): void {
    try {
      connection.close();
    } catch {
      // It was closed already.
    }
  }

  private statementsOf(connection: Connection): SqliteStatements {
    const known = this.statements.get(connection);
    if (known !== undefined) return known;
    const made = new SqliteStatements(connection);
    this.statements.set(connection, made);
    return made;
  }
}

async function dbOn(
  transaction: SqliteTransaction<SqliteConnection>,
  opening: KnexOpening,
  connection: Connection,
): Promise<Knex.Transaction> {
  try {
    return await opening.dbOf(standIn(connection, transaction.db), transaction.gate);
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

const LEFT_OPEN = () => new Error('the connection could not be rolled back');

/** Both drivers under the names of node:sqlite. */
function viewOf(connection: Connection): SqliteConnection {
  return {
    exec: (sql) => connection.exec(sql),
    prepare: (sql) => connection.prepare(sql),
    close: () => connection.close(),
    get isTransaction() {
      return connection.isTransaction ?? connection.inTransaction;
    },
  } as SqliteConnection;
}

function refuseUnusable(connection: Connection, view: SqliteConnection): void {
  const { prepare, exec } = connection as Partial<Connection>;
  if (typeof prepare !== 'function' || typeof exec !== 'function') {
    throw new ConfigError(
      'knexBarrier: the connections of this client are neither of better-sqlite3 nor of node:sqlite',
      { option: 'knex' },
    );
  }
  if (view.isTransaction !== true) return;
  throw new BarrierError(
    "knex's pool handed out a connection with an open transaction: somebody began one by a text and did not end it",
  );
}

/** What knex uses of a connection. */
function standIn(connection: Connection, gated: SqliteConnection): object {
  const begin = new KnexBegin();
  return {
    __knexUid: connection.__knexUid,
    set __knex__disposed(why: unknown) {
      connection.__knex__disposed = why;
    },
    exec: (sql: string) => gated.exec(sql),
    prepare: (sql: string) => (begin.is(sql) ? NO_STATEMENT : gated.prepare(sql)),
  };
}

/** Stands for knex's BEGIN. */
const NO_STATEMENT = {
  reader: false,
  columns: () => [],
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
};
