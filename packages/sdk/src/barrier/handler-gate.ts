/**
 * Stands between a handler and the connection of its local transaction.
 *
 * HG1 Nothing passes before the handler starts, or after it ended.
 * HG2 One statement at a time, each only after the one before it was answered completely: where the transaction has ended under
 *     the handler, the next statement would take effect on its own, so it is not sent.
 * HG3 Whoever tries to end the transaction is told so, and the transaction is harmed: it is never committed, though the handler may
 *     catch what it was told. A handler that meant to roll back must not be taken for one that succeeded.
 */

/** What a gate asks of the connection, and of the text of a statement. */
export interface GateRules {
  /** The words of a text that would end the transaction; undefined = it may pass. */
  readonly endingWords: (sql: string) => string | undefined;
  /** Why nothing more may be sent; undefined = the transaction is open. */
  readonly ended: () => string | undefined;
  /** Resolves when the server has nothing more to say to the statements before. Never rejects. */
  readonly answered: () => Promise<void>;
}

/** The gate of one local transaction. */
export class HandlerGate {
  private state: 'before' | 'open' | 'over' = 'before';
  /** Resolves after the last statement that was let in. Never rejects. */
  private last: Promise<void> = Promise.resolve();
  private firstHarm: string | undefined;
  private spoiltBy: unknown;

  constructor(private readonly rules: GateRules) {}

  /** Why the transaction must not be committed; undefined = nothing is known against it. */
  get harm(): string | undefined {
    return this.firstHarm;
  }

  /** Whether the handler has ended. */
  get isOver(): boolean {
    return this.state === 'over';
  }

  /** The last error that a statement of the handler was answered with; undefined = none. */
  get lastError(): unknown {
    return this.spoiltBy;
  }

  /** The handler starts. */
  open(): void {
    if (this.state === 'before') this.state = 'open';
  }

  /** The handler has ended. Resolves when what it sent before is answered, with why the transaction is not open any more. */
  async close(): Promise<string | undefined> {
    this.state = 'over';
    await this.last;
    return this.checkOpen();
  }

  /** Sends a statement in its turn. Rejects with what `send` rejects with, or with an Error that says why it was not sent. */
  async pass<T>(sql: string, send: () => Promise<T>): Promise<T> {
    this.admit(sql);
    const before = this.last;
    let done: () => void = () => undefined;
    this.last = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      this.requireOpen();
      return await send();
    } catch (error) {
      this.spoiltBy = error;
      await this.rules.answered();
      throw error;
    } finally {
      done();
    }
  }

  /** The same for drivers that answer at once. */
  passNow<T>(sql: string, send: () => T): T {
    this.admit(sql);
    this.requireOpen();
    try {
      return send();
    } catch (error) {
      this.spoiltBy = error;
      throw error;
    }
  }

  /** An Error for somebody who called what ends the transaction (`commit()`), and harms it. */
  refusal(what: string): Error {
    if (this.state === 'over') return afterTheEnd();
    this.firstHarm ??= `the handler tried to end its local transaction by ${what}`;
    return new Error(
      `${what} is refused: ctx.db is the barrier's local transaction, which it commits when the handler returns and rolls ` +
        'back when it throws. Return or throw instead',
    );
  }

  private admit(sql: string): void {
    if (this.state === 'over') throw afterTheEnd();
    if (this.state === 'before') throw new Error('ctx.db was used before its handler started');
    const words = this.rules.endingWords(sql);
    if (words !== undefined) throw this.refusal(words);
  }

  private requireOpen(): void {
    const why = this.checkOpen();
    if (why !== undefined) throw new Error(`the statement was not sent: ${why}`);
  }

  private checkOpen(): string | undefined {
    const why = this.rules.ended();
    if (why !== undefined) this.firstHarm ??= why;
    return why;
  }
}

function afterTheEnd(): Error {
  return new Error(
    'ctx.db was used after its handler had returned: its local transaction is over. Await every statement before returning',
  );
}
