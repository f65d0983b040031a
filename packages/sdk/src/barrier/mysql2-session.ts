/**
 * One local transaction on one connection of mysql2: its beginning, the barrier's own statements, its end.
 *
 * MS1 While it is open the connection has `autocommit = 0`: whatever is sent after the server has ended the transaction is in
 *     another one, which is never committed. A connection goes back with `autocommit = 1` and its own settings, or not at all.
 * MS2 COMMIT and that way back are one statement, `SET autocommit = 1`. It is sent only while nothing is known against the
 *     transaction; after ROLLBACK only when the server has said that none is open, for it would commit.
 * MS3 Whether the transaction is still open is asked of the server: every answer of its own kind says so, after an error
 *     `DO 0` does, and around what may end one and begin another (`isOpaque`) a savepoint: it goes with its transaction.
 * MS4 A COMMIT without an answer is unknown, and the connection is lost; so is one that fails.
 * MS5 Nothing is waited for longer than the bound of the transaction: behind a dead link answers never come.
 */
import type { Scheduler } from '@tercet/core';
import type { Connection } from 'mysql2';
import { BarrierError, textOfCause } from '../errors';
import { HandlerGate } from './handler-gate';
import type { SqlValue, StatementResult } from './local-database';
import { ask, resultOf } from './mysql2-ask';
import { endsTransaction, errnoOf, stateOf } from './mysql2-answers';
import { beginSql, endSql, handlerSql, isOpaque, type MysqlServer } from './mysql-server';
import { transactionWords } from './transaction-words';
import { within } from './within';

/** What a Mysql2Session is made of. */
export interface Mysql2SessionInit {
  readonly connection: Connection;
  readonly server: MysqlServer;
  readonly scheduler: Scheduler;
  /** The server rolls back after so long without a statement; nothing is waited for longer than this. */
  readonly idleMs: number;
}

/** A ROLLBACK that takes longer is left to the server. */
const ROLLBACK_MS_MAX = 5_000;
/** SAVEPOINT does not exist. */
const NO_SAVEPOINT = 1305;
const OPEN = { inTransaction: true, autocommit: false };

/** A transaction from its beginning to its end. */
export class Mysql2Session {
  /** Through it the handler's statements go. */
  readonly gate: HandlerGate;
  /** Why the connection must not be used again; undefined = it is clean once the transaction has ended. */
  lost: Error | undefined;
  /** Why the transaction is over though nobody here has ended it. */
  private over: string | undefined;
  /** Whether variables of the connection hold what Try saved. */
  private keepsTry = false;

  constructor(private readonly init: Mysql2SessionInit) {
    this.gate = new HandlerGate({
      endingWords: (sql) => transactionWords(sql, 'mysql'),
      ended: () => this.ended(),
      answered: () => this.afterError(),
    });
    // A connection that breaks while nobody asks anything emits it; a second time nobody else listens.
    init.connection.on('error', this.onError);
  }

  /** Begins. Rejects with what the driver says. */
  async begin(): Promise<void> {
    const { server, idleMs } = this.init;
    const state = stateOf(await this.send(beginSql(server, idleMs)));
    if (state?.inTransaction !== true) return;
    throw new BarrierError(
      'the pool handed out a connection with an open transaction: somebody released it without COMMIT or ROLLBACK. ' +
        'Its transaction was rolled back; find who began it, and end transactions before `release()`',
    );
  }

  /** A statement of the barrier itself. */
  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    this.refuseHarmed();
    this.keepsTry ||= sql.includes('@tercet_reply');
    const result = await this.send(sql, params);
    const state = stateOf(result);
    if (state !== undefined && !isSame(state, OPEN)) this.over ??= ENDED;
    this.refuseOver();
    return resultOf(result);
  }

  /** The handler starts. */
  handlerStarts(): void {
    const sql = handlerSql(this.init.server);
    // The driver sends in order: whatever the handler asks comes after it.
    if (sql !== undefined) this.send(sql).catch((error: Error) => this.lose(error));
    this.gate.open();
  }

  /** A statement of the handler. */
  handlerStatement<T>(sql: string, send: () => Promise<T>): Promise<T> {
    return this.gate.pass(sql, () => (isOpaque(sql) ? this.guarded(send) : this.watched(send)));
  }

  /** Resolves when the server has committed and the session is as it was before. */
  async commit(): Promise<void> {
    this.refuseHarmed();
    this.refuseOver();
    try {
      await this.putBack();
    } catch (error) {
      this.lose(error as Error);
      // A deadlock or a failed certification (Galera) is certain: nothing was committed.
      if (errnoOf(error) === 1213) throw error;
      throw new BarrierError(
        'COMMIT failed or was not answered: nobody knows whether the local transaction took effect; the call comes again ' +
          `and finds out (${textOfCause(error)})`,
        { cause: error },
      );
    }
  }

  /** Never rejects: where it cannot roll back, the connection is `lost`. */
  async rollback(): Promise<void> {
    if (this.lost !== undefined) return;
    try {
      const state = stateOf(await this.send('ROLLBACK', [], ROLLBACK_MS_MAX));
      if (state?.inTransaction !== false) throw new Error('ROLLBACK left a transaction open');
      await this.putBack(ROLLBACK_MS_MAX);
    } catch (error) {
      this.lose(error as Error);
    }
  }

  /** Lets go of the connection. */
  stop(): void {
    // A lost one may still break: its listener stays.
    if (this.lost === undefined) this.init.connection.off('error', this.onError);
  }

  private readonly onError = (error: Error): void => this.lose(error);

  private lose(why: Error): void {
    this.lost ??= why;
  }

  private ended(): string | undefined {
    if (this.lost !== undefined) return `the connection was lost (${this.lost.message})`;
    return this.over;
  }

  private refuseHarmed(): void {
    const { harm } = this.gate;
    if (harm !== undefined) throw new BarrierError(`${harm}; nothing more of it is committed`);
  }

  private refuseOver(): void {
    if (this.over !== undefined) throw new BarrierError(this.over);
  }

  private async watched<T>(send: () => Promise<T>): Promise<T> {
    const answer = await send();
    // `ping` answers with nothing of the server's state.
    const result: unknown = Array.isArray(answer) ? answer[0] : undefined;
    if (stateOf(result)?.inTransaction === false) this.over ??= ENDED;
    return answer;
  }

  private async guarded<T>(send: () => Promise<T>): Promise<T> {
    await this.send('SAVEPOINT tercet_guard');
    try {
      return await this.watched(send);
    } finally {
      await this.releaseGuard();
    }
  }

  private async releaseGuard(): Promise<void> {
    try {
      await this.send('RELEASE SAVEPOINT tercet_guard');
    } catch (error) {
      if (errnoOf(error) === NO_SAVEPOINT) this.over ??= ENDED;
      else this.lose(error as Error);
    }
  }

  /** An error does not say what it did to the transaction: most undo their statement, a deadlock undoes everything. */
  private async afterError(): Promise<void> {
    const error = this.gate.lastError;
    if (this.lost !== undefined || this.over !== undefined) return;
    if (endsTransaction(error)) {
      this.over = `the server rolled the local transaction back (${textOfCause(error)})`;
      return;
    }
    try {
      const state = stateOf(await this.send('DO 0'));
      if (state?.inTransaction !== true) {
        this.over = `the local transaction ended with an error (${textOfCause(error)})`;
      }
    } catch (failure) {
      this.lose(failure as Error);
    }
  }

  private async putBack(ms?: number): Promise<void> {
    const state = stateOf(await this.send(endSql(this.init.server, this.keepsTry), [], ms));
    if (state === undefined || !isSame(state, { inTransaction: false, autocommit: true })) {
      throw new Error('the connection did not return to autocommit');
    }
  }

  private async send(
    sql: string,
    params: readonly SqlValue[] = [],
    ms = this.init.idleMs,
  ): Promise<object> {
    const { scheduler, connection } = this.init;
    const answer = await within({ scheduler, ms }, ask(connection, sql, params));
    if (answer !== undefined) return answer;
    const silent = new Error(`the server did not answer within ${ms} ms`);
    this.lose(silent);
    throw silent;
  }
}

const ENDED =
  'the handler ended its local transaction (COMMIT, ROLLBACK, DDL, or a procedure that does it): something of it may be ' +
  'committed without the barrier’s answer';

function isSame(
  one: { readonly inTransaction: boolean; readonly autocommit: boolean },
  other: { readonly inTransaction: boolean; readonly autocommit: boolean },
): boolean {
  return one.inTransaction === other.inTransaction && one.autocommit === other.autocommit;
}
