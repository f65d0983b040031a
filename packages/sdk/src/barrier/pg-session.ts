/**
 * One local transaction on one connection of `pg`: BEGIN, the barrier's own statements, COMMIT, ROLLBACK. Who gave the
 * connection (a pool, knex) gets it back from whoever uses this.
 *
 * PS1 COMMIT is believed only with the answer COMMIT: after an error that somebody swallowed the server answers it with ROLLBACK.
 * PS2 A COMMIT without an answer is unknown, and the connection is lost. So is one that fails, but for the errors that say for
 *     certain that nothing was committed.
 * PS3 Nothing is waited for longer than the bound of the transaction: behind a dead link answers never come.
 */
import type { Scheduler } from '@tercet/core';
import type { Client, QueryResult } from 'pg';
import { BarrierError } from '../errors';
import { HandlerGate } from './handler-gate';
import type { SqlValue, StatementResult } from './local-database';
import { pgResult, pgStatement } from './pg-statement';
import { PgWatch } from './pg-watch';
import { transactionWords } from './transaction-words';
import { within } from './within';

/** What a PgSession is made of. */
export interface PgSessionInit {
  readonly client: Client;
  readonly scheduler: Scheduler;
  /** The server rolls back after so long without a statement; nothing is waited for longer than this. */
  readonly idleMs: number;
}

/** The server takes no more than this many ms. */
const IDLE_MS_MAX = 2_147_483_647;
/** A ROLLBACK that takes longer is left to the server. */
const ROLLBACK_MS_MAX = 5_000;
/** `current transaction is aborted`: an error before this one was swallowed. */
const SPOILT = '25P02';

/** A transaction from BEGIN to its end. */
export class PgSession {
  /** Through it the handler's statements go. */
  readonly gate: HandlerGate;
  private readonly watch: PgWatch;
  /** The error that spoilt the transaction, and not one of those that follow from it. */
  private spoiltBy: unknown;
  private readonly boundMs: number;

  constructor(private readonly init: PgSessionInit) {
    this.watch = new PgWatch(init.client);
    this.boundMs = Math.min(IDLE_MS_MAX, Math.max(1, Math.ceil(init.idleMs)));
    this.gate = new HandlerGate({
      endingWords: (sql) => transactionWords(sql, 'postgres'),
      ended: () => this.ended(),
      answered: () => this.watch.answered(),
    });
  }

  /** Why the connection must not be used again; undefined = it is clean once the transaction has ended. */
  get lost(): Error | undefined {
    return this.watch.lost;
  }

  /** Begins, with the bound on idleness in the same round trip. Rejects with what the driver says. */
  async begin(): Promise<void> {
    await this.send(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${this.boundMs}`);
  }

  /** A statement of the barrier itself. */
  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    const { harm } = this.gate;
    if (harm !== undefined) throw new BarrierError(harm);
    try {
      return pgResult(await this.send(sql, params));
    } catch (error) {
      throw this.reasonOf(error);
    }
  }

  /** The handler starts. */
  handlerStarts(): void {
    this.gate.open();
  }

  /** A statement of the handler. */
  handlerStatement<T>(sql: string, send: () => Promise<T>): Promise<T> {
    return this.gate.pass(sql, async () => {
      try {
        return await send();
      } catch (error) {
        if (codeOf(error) !== SPOILT) this.spoiltBy = error;
        throw error;
      }
    });
  }

  /** Resolves when the server answered COMMIT with COMMIT. */
  async commit(): Promise<void> {
    const { harm } = this.gate;
    if (harm !== undefined) throw new BarrierError(harm);
    let answer: QueryResult;
    try {
      answer = await this.send('COMMIT');
    } catch (error) {
      if (isRefusal(error)) throw error;
      this.watch.lose(error as Error);
      throw new BarrierError(
        'COMMIT was not answered: nobody knows whether the local transaction took effect; the call comes again and finds out',
        { cause: error },
      );
    }
    if (answer.command === 'COMMIT') return;
    throw new BarrierError(
      'the server answered COMMIT with ROLLBACK: a statement of the handler failed, and the handler went on. Nothing is committed',
      { cause: this.spoiltBy },
    );
  }

  /** Never rejects: where it cannot roll back, the connection is `lost`. */
  async rollback(): Promise<void> {
    if (this.lost !== undefined) return;
    const bound = { scheduler: this.init.scheduler, ms: ROLLBACK_MS_MAX };
    await within(bound, this.watch.answered());
    if (this.lost !== undefined || this.watch.state === 'I') return;
    try {
      await this.send('ROLLBACK', [], ROLLBACK_MS_MAX);
    } catch (error) {
      this.watch.lose(error as Error);
    }
  }

  /** Lets go of the connection. */
  stop(): void {
    this.watch.stop();
  }

  private ended(): string | undefined {
    if (this.lost !== undefined) return `the connection was lost (${this.lost.message})`;
    if (this.watch.state !== 'I') return undefined;
    return 'the handler ended its local transaction: something of it may be committed without the barrier’s answer';
  }

  private async send(
    sql: string,
    params: readonly SqlValue[] = [],
    ms = this.boundMs,
  ): Promise<QueryResult> {
    const { client, scheduler } = this.init;
    const answer = await within({ scheduler, ms }, client.query(pgStatement(sql, params)));
    if (answer !== undefined) return answer;
    const silent = new Error(`the server did not answer within ${ms} ms`);
    this.watch.lose(silent);
    throw silent;
  }

  /** A statement after a swallowed error says nothing about its reason; that error does. */
  private reasonOf(error: unknown): unknown {
    if (codeOf(error) !== SPOILT || this.spoiltBy === undefined) return error;
    return new Error('a statement of the handler failed, and the handler went on', {
      cause: this.spoiltBy,
    });
  }
}

/** Errors at COMMIT after which nothing was committed, for certain: serialisation, deadlock, deferred constraints. */
function isRefusal(error: unknown): boolean {
  return /^(?:40001|40P01|23...)$/.test(codeOf(error) ?? '');
}

/** The SQLSTATE of an error of the server. */
function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
