/**
 * One connection to the server, made when it is needed and again when it was lost. Everything that it runs stands in a line.
 *
 * C1 What was set up for a session is set up before its first command: sql_mode, isolation, time zone, waits.
 * C2 After an error ROLLBACK comes first, before anything else is sent: a BEGIN would commit the half that is left.
 * C3 Every command ends: an answer that takes too long ends the connection.
 */
import type { Scheduler } from '@tercet/core';
import type { Connection, ResultSetHeader } from 'mysql2';
import { StoreFailure } from '../../store';
import { loadDriver } from '../load-driver';
import type { MysqlAddress } from './address';
import { type DriverError, failureOf, isFatal, unreachable } from './failures';
import type { SessionSetup } from './session-setup';
import type { TransactionForm } from './transaction';

/** A row of an answer; values as the driver makes them: text, number, Buffer, null. */
export type Row = Readonly<Record<string, unknown>>;

/** The answer to one statement. */
export interface Answer {
  /** Rows that matched; of an INSERT the rows that were inserted. */
  readonly matched: number;
  /** Whether a transaction was open after the statement. */
  readonly inTransaction: boolean;
  /** Rows of a SELECT. */
  readonly rows: readonly Row[];
}

/** A definite error of a statement; what was open is rolled back. */
export class StatementError extends Error {
  override readonly name = 'StatementError';

  /**
   * @param error the server's.
   * @param place of the statement among those that were sent together.
   */
  constructor(
    readonly error: DriverError,
    readonly place: number,
  ) {
    super(error.message, { cause: error });
  }
}

/** What a session needs. */
export interface SessionDeps {
  readonly address: MysqlAddress;
  readonly scheduler: Scheduler;
  /** What comes first on every connection (C1). */
  readonly setup: SessionSetup;
  /** How transactions are sent. */
  readonly form: TransactionForm;
}

/** How long a connection may take to be made, ms. */
const CONNECT_WAIT_MS = 5_000;
/** How long an answer may take, ms; the session's own limits end statements before. */
const ANSWER_WAIT_MS = 15_000;

/** SERVER_STATUS_IN_TRANS of the protocol. */
const IN_TRANSACTION = 1;

/** A connection that comes back. */
export class Session {
  private connection: Connection | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(private readonly deps: SessionDeps) {}

  /** How transactions are sent. */
  get form(): TransactionForm {
    return this.deps.form;
  }

  /** The number that the server has greeted the connection with; undefined while there is none. */
  get greeted(): number | undefined {
    return this.connection?.threadId ?? undefined;
  }

  /**
   * Runs statements that are sent together, and answers them all. Rejects with StoreFailure: `unavailable` where there is no
   * connection, `unknown` where it was lost, else what the error means. After a definite error nothing of a transaction is left.
   */
  async run(statements: readonly string[]): Promise<readonly Answer[]> {
    try {
      return await this.attempt(statements);
    } catch (error) {
      throw error instanceof StatementError ? failureOf(error.error) : error;
    }
  }

  /** As `run`; resolves with undefined where one of these errors is the answer, which tells what was to be found out. */
  async runUnless(
    errors: readonly number[],
    statements: readonly string[],
  ): Promise<readonly Answer[] | undefined> {
    try {
      return await this.attempt(statements);
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      if (errors.includes(error.error.errno ?? 0)) return undefined;
      throw failureOf(error.error);
    }
  }

  /**
   * As `run`; a definite error of the server rejects as {@link StatementError}. `answers`: how many the server gives, where it
   * is not one to each statement.
   */
  attempt(
    statements: readonly string[],
    answers: number = statements.length,
  ): Promise<readonly Answer[]> {
    const turn = this.tail.then(() => this.exchange(statements, answers));
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  /** Ends the connection after what is under way; later commands reject. Never rejects. */
  async close(): Promise<void> {
    this.closed = true;
    await this.tail;
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) return;
    await new Promise<void>((resolve) => connection.end(() => resolve()));
    connection.destroy();
  }

  private async exchange(
    statements: readonly string[],
    answers: number,
  ): Promise<readonly Answer[]> {
    const connection = await this.connected();
    try {
      return await this.sent(connection, statements, answers);
    } catch (error) {
      if (error instanceof StatementError) await this.rolledBack(connection);
      throw error;
    }
  }

  /** C2 */
  private async rolledBack(connection: Connection): Promise<void> {
    try {
      await this.sent(connection, ['ROLLBACK'], 1);
    } catch {
      // The server rolls back by itself what a lost connection had open.
      this.lose(connection);
    }
  }

  private async connected(): Promise<Connection> {
    if (this.closed) throw new StoreFailure('unavailable', 'the store is not open');
    if (this.connection !== undefined) return this.connection;
    const connection = await this.connect();
    this.connection = connection;
    try {
      await this.prepare(connection);
    } catch (error) {
      this.lose(connection);
      throw error;
    }
    return connection;
  }

  /** C1 */
  private async prepare(connection: Connection): Promise<void> {
    const { setup, address } = this.deps;
    let answers: readonly Answer[];
    try {
      answers = await this.sent(connection, setup.statements, setup.statements.length);
    } catch (error) {
      throw unreachable(error as Error, address.shown);
    }
    setup.admit?.(answers);
  }

  private async connect(): Promise<Connection> {
    // Loaded when it is needed: a process that keeps its store elsewhere never loads it.
    const { createConnection } = await loadDriver('mysql2', () => import('mysql2'));
    const { address } = this.deps;
    const connection = createConnection({
      ...address.options,
      multipleStatements: true,
      // Rows found are what ROW_COUNT() says in a block, which tells of nothing else. With it a skipped insert counts like a made one.
      flags: [this.form.name === 'block' ? 'FOUND_ROWS' : '-FOUND_ROWS'],
      charset: 'utf8mb4',
      connectTimeout: CONNECT_WAIT_MS,
      // Texts come whole: nothing in them is looked for or replaced.
      queryFormat: (sql: string) => sql,
    });
    return await new Promise((resolve, reject) => {
      // The driver tells a command that is under way by itself: afterwards the connection is only forgotten.
      connection.on('error', (error: DriverError) => {
        this.forget(connection);
        reject(unreachable(error, address.shown));
      });
      connection.on('end', () => this.forget(connection));
      connection.once('connect', () => resolve(connection));
    });
  }

  /** Sends statements as one message (C3). */
  private sent(
    connection: Connection,
    statements: readonly string[],
    answers: number,
  ): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      const timer = this.deps.scheduler.after(ANSWER_WAIT_MS, () => {
        this.lose(connection);
        reject(new StoreFailure('unknown', `the store did not answer within ${ANSWER_WAIT_MS} ms`));
      });
      let answered = 0;
      const query = connection.query(statements.join(';'), (error, results) => {
        timer.cancel();
        if (error === null) return resolve(answersOf(results, answers));
        if (!isFatal(error)) return reject(new StatementError(error, answered));
        this.lose(connection);
        reject(failureOf(error));
      });
      // Of every answer, with rows or without; `result` comes for those without alone.
      query.on('fields', () => answered++);
    });
  }

  private lose(connection: Connection): void {
    this.forget(connection);
    connection.destroy();
  }

  private forget(connection: Connection): void {
    if (this.connection === connection) this.connection = undefined;
  }
}

function answersOf(results: unknown, count: number): readonly Answer[] {
  const list = count === 1 ? [results] : (results as readonly unknown[]);
  return list.map((result) => {
    if (Array.isArray(result)) {
      return { rows: result as readonly Row[], matched: result.length, inTransaction: false };
    }
    const header = result as ResultSetHeader & { readonly serverStatus: number };
    const inTransaction = (header.serverStatus & IN_TRANSACTION) !== 0;
    return { rows: [], matched: matchedOf(header), inTransaction };
  });
}

const matchedRows = /^Rows matched: (\d+)/;

/** An UPDATE says how many rows it found; that some of them did not change is no news. */
function matchedOf({ info, affectedRows }: ResultSetHeader): number {
  const found = matchedRows.exec(info);
  return found?.[1] === undefined ? affectedRows : Number(found[1]);
}
