/**
 * A MySQL or MariaDB database through a pool of mysql2.
 *
 * MP1 Every connection goes back to its pool with `autocommit = 1` and its own settings, or it is destroyed.
 * MP2 A pool that is closed, or has no connection in time, is a BarrierError that names it; a connection that comes later goes back.
 */
import type { Scheduler } from '@tercet/core';
import type { Connection as CoreConnection, Pool as CorePool } from 'mysql2';
import type { Pool, PoolConnection } from 'mysql2/promise';
import { BarrierError, textOfCause } from '../errors';
import type {
  LocalDatabase,
  LocalTransaction,
  SqlValue,
  StatementResult,
  TransactionBounds,
} from './local-database';
import type { MysqlServer } from './mysql-server';
import { type Mysql2Transaction, mysql2HandlerConnection } from './mysql2-handler-connection';
import { ask, resultOf } from './mysql2-ask';
import { Mysql2Server } from './mysql2-server';
import { Mysql2Session } from './mysql2-session';
import { PooledTransaction } from './pooled-transaction';
import type { SqlDialect } from './sql-dialect';
import { within } from './within';

/** Checks and migrations wait so long for a connection. */
const OUTSIDE_MS = 10_000;

/** The LocalDatabase of `mysql2Barrier`. */
export class Mysql2Database implements LocalDatabase<Mysql2Transaction> {
  private readonly server = new Mysql2Server(() => ({
    pool: poolName(this.pool),
    remedy: 'remove what sets `autocommit = 0`, or give the participant a pool of its own',
  }));
  private readonly pool: Pool;

  constructor(
    pool: Pool | CorePool,
    private readonly scheduler: Scheduler,
  ) {
    this.pool = 'promise' in pool ? pool.promise() : pool;
  }

  get dialect(): SqlDialect {
    return this.server.dialect;
  }

  async begin(bounds: TransactionBounds): Promise<LocalTransaction<Mysql2Transaction>> {
    const connection = await this.connect(bounds.connectMs ?? bounds.idleMs);
    const server = await this.serverBehind(connection);
    const { scheduler } = this;
    const idleMs = Math.max(1, Math.ceil(bounds.idleMs));
    const core = coreOf(connection);
    const session = new Mysql2Session({ connection: core, server, scheduler, idleMs });
    try {
      await session.begin();
    } catch (error) {
      // Whatever went wrong at its beginning, a new connection is cheaper than finding out.
      core.destroy();
      session.stop();
      throw error;
    }
    const db = mysql2HandlerConnection(connection, session);
    return new PooledTransaction(db, session, (broken) => {
      if (broken === undefined) connection.release();
      else core.destroy();
    });
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    const connection = await this.connect(OUTSIDE_MS);
    await this.serverBehind(connection);
    try {
      return resultOf(await ask(coreOf(connection), sql, params));
    } finally {
      connection.release();
    }
  }

  private async connect(ms: number): Promise<PoolConnection> {
    let connection: PoolConnection | undefined;
    try {
      const bound = { scheduler: this.scheduler, ms };
      connection = await within(bound, this.pool.getConnection(), (late) => late.release());
    } catch (cause) {
      throw new BarrierError(`${poolName(this.pool)} gave no connection: ${textOfCause(cause)}`, {
        cause,
      });
    }
    if (connection !== undefined) return connection;
    throw new BarrierError(
      `${poolName(this.pool)} had no free connection within ${ms} ms: raise its \`connectionLimit\`, release what is taken ` +
        'from it, or give the participant a pool of its own',
    );
  }

  private async serverBehind(connection: PoolConnection): Promise<MysqlServer> {
    try {
      return await this.server.behind(coreOf(connection));
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }
}

/** The connection beneath the one with promises. Its types say otherwise. */
function coreOf(connection: PoolConnection): CoreConnection {
  return connection.connection as unknown as CoreConnection;
}

interface Address {
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly socketPath?: string;
}

/** `the mysql2 pool of database shop at db:3306`. Never a password. */
export function poolName(pool: Pool): string {
  const core = pool.pool as unknown as
    | { readonly config?: { readonly connectionConfig?: Address } }
    | undefined;
  const { host, port, database, socketPath } = core?.config?.connectionConfig ?? {};
  const at = socketPath ?? (host === undefined ? undefined : `${host}:${port ?? 3306}`);
  return `the mysql2 pool${database ? ` of database ${database}` : ''}${at === undefined ? '' : ` at ${at}`}`;
}
