/** A local transaction on a connection that somebody lent: it goes back exactly once, with what it is worth. */
import { BarrierError } from '../errors';
import type { HandlerGate } from './handler-gate';
import type { LocalTransaction, SqlValue, StatementResult } from './local-database';

/** A transaction on one connection of a driver, from its beginning to its end. */
export interface TransactionSession {
  /** Through it the handler's statements go. */
  readonly gate: HandlerGate;
  /** Why the connection must not be used again; undefined = it is clean once the transaction has ended. */
  readonly lost: Error | undefined;
  /** A statement of the barrier itself. */
  statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult>;
  /** The handler starts. */
  handlerStarts(): void;
  /** Resolves when the server has said COMMIT. */
  commit(): Promise<void>;
  /** Never rejects: where it cannot roll back, the connection is `lost`. */
  rollback(): Promise<void>;
  /** Lets go of the connection. */
  stop(): void;
}

/** Takes a connection back; `broken` says why it must not be used again. Called once. */
export type GiveBack = (broken: Error | undefined) => void;

/** The LocalTransaction of a session that has begun. */
export class PooledTransaction<Db> implements LocalTransaction<Db> {
  private isOver = false;

  constructor(
    readonly db: Db,
    private readonly session: TransactionSession,
    private readonly giveBack: GiveBack,
  ) {}

  statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    return this.session.statement(sql, params);
  }

  handlerStarts(): void {
    this.session.handlerStarts();
  }

  async handlerEnded(): Promise<void> {
    const { gate } = this.session;
    const why = await gate.close();
    if (why !== undefined) throw new BarrierError(why, { cause: gate.lastError });
  }

  async commit(): Promise<void> {
    try {
      await this.session.commit();
    } catch (error) {
      await this.rollback();
      throw error;
    }
    this.end();
  }

  async rollback(): Promise<void> {
    if (this.isOver) return;
    await this.session.rollback();
    this.end();
  }

  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.giveBack(this.session.lost);
    this.session.stop();
  }
}
