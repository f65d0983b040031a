/**
 * A SQLite database through one connection of the user.
 *
 * SL1 One local transaction at a time: the connection has only one, and whatever is sent on it is part of it. Calls wait in a line of
 *     bounded length; who finds it full is asked to come again.
 * SL2 The lock of another process is waited for without blocking the event loop.
 * SL3 A handler that never ends does not keep the connection for ever: without a statement for the idle bound it is rolled back.
 */
import { TccRetry } from '../participant/verdicts';
import { BarrierError } from '../errors';
import type { BarrierSettings } from './barrier-options';
import type {
  LocalDatabase,
  LocalTransaction,
  SqlValue,
  StatementResult,
  TransactionBounds,
} from './local-database';
import type { SqliteConnection } from './sqlite-connection';
import { sqliteDialect } from './sqlite-dialect';
import { SqliteStatements } from './sqlite-statements';
import { SqliteTransaction } from './sqlite-transaction';
import { type TurnEnd, TurnQueue } from './turn-queue';
import { untilFree } from './until-free';

/** One line for each connection, however many barriers were made of it. */
const queues = new WeakMap<object, TurnQueue>();

/** The LocalDatabase of `sqliteBarrier`. */
export class SqliteDatabase<D extends SqliteConnection> implements LocalDatabase<D> {
  readonly dialect = sqliteDialect;
  private readonly statements: SqliteStatements;
  private readonly queue: TurnQueue;

  constructor(
    private readonly connection: D,
    private readonly settings: BarrierSettings,
    private readonly queueMax: number,
  ) {
    this.statements = new SqliteStatements(connection);
    this.queue = queues.get(connection) ?? new TurnQueue();
    queues.set(connection, this.queue);
  }

  async begin({ idleMs }: TransactionBounds): Promise<LocalTransaction<D>> {
    const end = await this.turn();
    try {
      this.refuseUnusable();
      await untilFree(this.settings, () => this.connection.exec('BEGIN IMMEDIATE'));
    } catch (error) {
      end();
      throw error;
    }
    const { connection, statements } = this;
    const { scheduler } = this.settings;
    const commit = () => untilFree(this.settings, () => connection.exec('COMMIT'));
    return new SqliteTransaction({ connection, statements, scheduler, idleMs, commit, end });
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    const end = await this.turn();
    try {
      this.refuseUnusable();
      return await untilFree(this.settings, () => this.statements.run(sql, params));
    } finally {
      end();
    }
  }

  private turn(): Promise<TurnEnd> {
    const turn = this.queue.enter(this.queueMax);
    if (turn !== undefined) return turn;
    throw new TccRetry({
      reason: `barrier: ${this.queueMax} calls wait for the SQLite connection already (queueMax of sqliteBarrier)`,
    });
  }

  private refuseUnusable(): void {
    if (this.connection.isOpen === false) {
      throw new BarrierError(
        'the SQLite connection of sqliteBarrier is closed: close it only after the server has been shut down',
      );
    }
    if (this.connection.isTransaction === true) {
      throw new BarrierError(
        'the SQLite connection of sqliteBarrier has a transaction open that is not the barrier’s: give the barrier a connection ' +
          'of its own, and use it in handlers only',
      );
    }
  }
}
