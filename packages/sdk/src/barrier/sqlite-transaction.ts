/** One local transaction on a connection of SQLite. */
import type { Scheduler, Timer } from '@tercet/core';
import { BarrierError, textOfCause } from '../errors';
import { HandlerGate } from './handler-gate';
import type { LocalTransaction, SqlValue, StatementResult } from './local-database';
import type { SqliteConnection } from './sqlite-connection';
import { sqliteHandlerConnection } from './sqlite-handler-connection';
import type { SqliteStatements } from './sqlite-statements';
import { transactionWords } from './transaction-words';
import type { TurnEnd } from './turn-queue';

/** What a transaction is made of. */
export interface SqliteTransactionInit<D extends SqliteConnection> {
  readonly connection: D;
  readonly statements: SqliteStatements;
  readonly scheduler: Scheduler;
  readonly idleMs: number;
  /** Sends COMMIT, again while another connection reads. */
  readonly commit: () => Promise<void>;
  /** The connection is free for the next. */
  readonly end: TurnEnd;
}

/** It stands as long as the transaction does: whoever ends that, by whatever means, takes it away. */
const SAVEPOINT = 'tercet_barrier_handler';

/** The LocalTransaction of SQLite. BEGIN was sent. */
export class SqliteTransaction<D extends SqliteConnection> implements LocalTransaction<D> {
  readonly db: D;
  /** Through it the handler's statements go. */
  readonly gate: HandlerGate;
  private timer: Timer;
  private wasUsed = false;
  private isOver = false;
  private idledOut = false;

  constructor(private readonly init: SqliteTransactionInit<D>) {
    this.gate = new HandlerGate({
      endingWords: (sql) => transactionWords(sql, 'sqlite'),
      ended: () => this.whyEnded(),
      answered: () => Promise.resolve(),
    });
    this.db = sqliteHandlerConnection(init.connection, this.gate);
    this.timer = this.watchIdle();
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    const why = this.whyEnded();
    if (why !== undefined) throw new BarrierError(why);
    return this.init.statements.run(sql, params);
  }

  handlerStarts(): void {
    this.init.connection.exec(`SAVEPOINT ${SAVEPOINT}`);
    this.gate.open();
  }

  async handlerEnded(): Promise<void> {
    const why = (await this.gate.close()) ?? this.gate.harm;
    if (why !== undefined) throw new BarrierError(why, { cause: this.gate.lastError });
    try {
      this.init.connection.exec(`RELEASE ${SAVEPOINT}`);
    } catch (cause) {
      throw new BarrierError(`the handler ended its local transaction (${textOfCause(cause)})`, {
        cause,
      });
    }
  }

  async commit(): Promise<void> {
    const why = this.whyEnded();
    if (why !== undefined) throw new BarrierError(why);
    // It may wait for readers; whoever rolled back meanwhile would let it commit the transaction of the next.
    this.timer.cancel();
    await this.init.commit();
    this.finish();
  }

  async rollback(): Promise<void> {
    if (this.isOver) return;
    try {
      if (this.init.connection.isTransaction !== false) this.init.connection.exec('ROLLBACK');
    } catch {
      // Nothing is open, or the connection is closed: either way nothing of it is kept.
    }
    this.finish();
  }

  private whyEnded(): string | undefined {
    this.wasUsed = true;
    if (this.idledOut) {
      return `its local transaction sent nothing for ${this.init.idleMs} ms and was rolled back, so that others get the connection`;
    }
    if (this.init.connection.isOpen === false) return 'the SQLite connection was closed';
    const isOpen = this.init.connection.isTransaction !== false;
    return isOpen
      ? undefined
      : 'its local transaction has ended under it: COMMIT, ROLLBACK, or an error that rolled everything back';
  }

  /** Between once and twice the bound after the last statement. */
  private watchIdle(): Timer {
    const { scheduler, idleMs } = this.init;
    return scheduler.after(idleMs, () => {
      if (this.wasUsed) {
        this.wasUsed = false;
        this.timer = this.watchIdle();
        return;
      }
      this.idledOut = true;
      void this.rollback();
    });
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.timer.cancel();
    this.init.end();
  }
}
