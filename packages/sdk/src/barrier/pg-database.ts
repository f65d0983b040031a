/**
 * A PostgreSQL database through a pool of `pg`.
 *
 * PG1 Every connection goes back to its pool: clean, or with an error that makes the pool do away with it.
 * PG2 A pool that is closed, or has no connection in time, is a BarrierError that names it; a connection that comes later goes back.
 */
import type { Scheduler } from '@tercet/core';
import type { Pool, PoolClient } from 'pg';
import { BarrierError, textOfCause } from '../errors';
import type {
  LocalDatabase,
  LocalTransaction,
  SqlValue,
  StatementResult,
  TransactionBounds,
} from './local-database';
import { type PgTransaction, pgHandlerClient } from './pg-handler-client';
import { pgResult, pgStatement } from './pg-statement';
import { beginOnPg } from './pg-transaction';
import { postgresDialect } from './postgres-dialect';
import { within } from './within';

/** Checks and migrations wait so long for a connection. */
const OUTSIDE_MS = 10_000;

/** The LocalDatabase of `pgBarrier`. */
export class PgDatabase implements LocalDatabase<PgTransaction> {
  readonly dialect = postgresDialect;

  constructor(
    private readonly pool: Pool,
    private readonly scheduler: Scheduler,
  ) {}

  async begin(bounds: TransactionBounds): Promise<LocalTransaction<PgTransaction>> {
    const client = await this.connect(bounds.connectMs ?? bounds.idleMs);
    return beginOnPg({
      client,
      scheduler: this.scheduler,
      idleMs: bounds.idleMs,
      dbOf: (session) => pgHandlerClient(client, session),
      giveBack: (broken) => client.release(broken),
    });
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    const client = await this.connect(OUTSIDE_MS);
    // A connection that breaks meanwhile emits it beside the rejection; without a listener the process would end.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let broken: Error | undefined;
    try {
      return pgResult(await client.query(pgStatement(sql, params)));
    } catch (error) {
      if (typeof (error as { readonly code?: unknown }).code !== 'string') broken = error as Error;
      throw error;
    } finally {
      client.removeListener('error', ignore);
      client.release(broken);
    }
  }

  private async connect(ms: number): Promise<PoolClient> {
    let client: PoolClient | undefined;
    try {
      const bound = { scheduler: this.scheduler, ms };
      client = await within(bound, this.pool.connect(), (late) => late.release());
    } catch (cause) {
      const text = `${poolName(this.pool)} gave no connection: ${textOfCause(cause)}`;
      throw new BarrierError(text, { cause });
    }
    if (client !== undefined) return client;
    throw new BarrierError(
      `${poolName(this.pool)} had no free connection within ${Math.ceil(ms)} ms (${this.pool.totalCount} in use, ` +
        `${this.pool.waitingCount} waiting): raise its \`max\`, or give the participant a pool of its own`,
    );
  }
}

/** `the pg pool of database shop at db:5432`. Never a password. */
export function poolName({ options }: Pool): string {
  const from = partsOf(options.connectionString);
  const database = from.database ?? options.database;
  const host = from.host ?? options.host;
  const port = from.port ?? options.port;
  const at = host === undefined ? '' : ` at ${host}${port === undefined ? '' : `:${port}`}`;
  return `the pg pool${database === undefined ? '' : ` of database ${database}`}${at}`;
}

interface Address {
  readonly host?: string;
  readonly port?: string;
  readonly database?: string;
}

function partsOf(connectionString: string | undefined): Address {
  if (connectionString === undefined || !URL.canParse(connectionString)) return {};
  const { hostname, port, pathname } = new URL(connectionString);
  const database = decodeURIComponent(pathname.slice(1));
  return {
    ...(hostname === '' ? {} : { host: hostname }),
    ...(port === '' ? {} : { port }),
    ...(database === '' ? {} : { database }),
  };
}
