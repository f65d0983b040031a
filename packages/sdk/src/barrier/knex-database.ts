/**
 * A database through an instance of knex.
 *
 * KD1 Every connection goes back to knex's pool: clean, or marked so that the pool throws it away.
 * KD2 A pool that is closed, or has no connection in time, is a BarrierError that names it; a connection that comes later goes back.
 */
import type { Scheduler } from '@tercet/core';
import type { Knex } from 'knex';
import { BarrierError, textOfCause } from '../errors';
import type { BarrierSettings } from './barrier-options';
import type { HandlerGate } from './handler-gate';
import { type KnexClient, type KnexConnection, knexPoolName } from './knex-client';
import { knexTransaction } from './knex-transaction';
import type {
  LocalDatabase,
  LocalTransaction,
  SqlValue,
  StatementResult,
  TransactionBounds,
} from './local-database';
import type { GiveBack } from './pooled-transaction';
import type { SqlDialect } from './sql-dialect';
import { within } from './within';

/** What a driver is given to begin a local transaction. */
export interface KnexOpening {
  readonly scheduler: Scheduler;
  readonly idleMs: number;
  /** Makes `ctx.db` on a stand-in for the connection. */
  readonly dbOf: (standIn: object, gate: HandlerGate) => Promise<Knex.Transaction>;
  readonly giveBack: GiveBack;
}

/** One of knex's drivers, on its own connections. */
export interface KnexDriver<C extends KnexConnection> {
  readonly dialect: SqlDialect;
  /** Begins. Where it rejects, the connection was given back. */
  begin(connection: C, opening: KnexOpening): Promise<LocalTransaction<Knex.Transaction>>;
  /** A statement outside of any transaction. */
  statement(connection: C, sql: string, params: readonly SqlValue[]): Promise<StatementResult>;
  /** Ends a connection that nobody may use again, and with it whatever is open on it. Never throws. */
  destroy(connection: C): void;
}

/** Checks and migrations wait so long for a connection. */
const OUTSIDE_MS = 10_000;

/** What a KnexDatabase is made of. */
export interface KnexDatabaseDeps<C extends KnexConnection> {
  readonly knex: Knex;
  readonly client: KnexClient;
  readonly driver: KnexDriver<C>;
  readonly settings: BarrierSettings;
}

/** The LocalDatabase of `knexBarrier`. */
export class KnexDatabase<C extends KnexConnection> implements LocalDatabase<Knex.Transaction> {
  constructor(private readonly deps: KnexDatabaseDeps<C>) {}

  /** A driver may learn from its server what that can do better. */
  get dialect(): SqlDialect {
    return this.deps.driver.dialect;
  }

  async begin(bounds: TransactionBounds): Promise<LocalTransaction<Knex.Transaction>> {
    const { driver, settings, knex } = this.deps;
    const connection = await this.acquire(bounds.connectMs ?? bounds.idleMs);
    return driver.begin(connection, {
      scheduler: settings.scheduler,
      idleMs: bounds.idleMs,
      dbOf: (standIn, gate) => knexTransaction(knex, standIn, gate),
      giveBack: (broken) => this.giveBack(connection, broken),
    });
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    const connection = await this.acquire(OUTSIDE_MS);
    try {
      return await this.deps.driver.statement(connection, sql, params);
    } finally {
      this.giveBack(connection, undefined);
    }
  }

  private async acquire(ms: number): Promise<C> {
    const { client, settings } = this.deps;
    const back = (late: KnexConnection): void => void client.releaseConnection(late);
    let connection: KnexConnection | undefined;
    try {
      const bound = { scheduler: settings.scheduler, ms };
      connection = await within(bound, client.acquireConnection(), back);
    } catch (cause) {
      const text = `${knexPoolName(client)} gave no connection: ${textOfCause(cause)}`;
      throw new BarrierError(text, { cause });
    }
    if (connection !== undefined) return connection as C;
    throw new BarrierError(
      `${knexPoolName(client)} had no free connection within ${Math.round(ms)} ms: raise its \`max\`, or give the participant ` +
        'a pool of its own',
    );
  }

  private giveBack(connection: C, broken: Error | undefined): void {
    const { client, driver } = this.deps;
    const why = broken ?? connection.__knex__disposed;
    if (why !== undefined) {
      connection.__knex__disposed = why;
      driver.destroy(connection);
    }
    void client.releaseConnection(connection);
  }
}
