/**
 * Watches the connection of a local transaction: whether the server still has it open, and whether it is there at all.
 *
 * PW1 The state is the server's own, from the message that ends every answer, not what statements were sent.
 * PW2 An error arrives before that message: in between nothing is known (`answered`).
 * PW3 A connection that breaks while nobody asks anything emits `error`; without a listener the process would end.
 */
import type { EventEmitter } from 'node:events';
import type { Client } from 'pg';
import { ConfigError } from '../errors';

/** `I` no transaction, `T` open, `E` open, but a statement failed in it. undefined: the server has said nothing yet. */
export type PgState = 'I' | 'T' | 'E';

/** Begins to watch at once; `stop` ends it. */
export class PgWatch {
  private current: PgState | undefined;
  private brokenBy: Error | undefined;
  private waiting: (() => void)[] = [];
  /** An error came, the end of the answer not yet. */
  private isHalfAnswered = false;
  private readonly wire: EventEmitter;

  /** Throws a ConfigError for pg-native, which does not tell the state. */
  constructor(private readonly client: Client) {
    const wire = client.connection as EventEmitter | undefined;
    if (wire === undefined) {
      throw new ConfigError(
        'the barrier needs the JavaScript client of pg: pg-native does not tell whether a transaction is still open',
        { option: 'pool' },
      );
    }
    this.wire = wire;
    wire.on('readyForQuery', this.onReady);
    wire.on('errorMessage', this.onErrorMessage);
    client.on('error', this.onError);
    client.on('end', this.onEnd);
  }

  get state(): PgState | undefined {
    return this.current;
  }

  /** Why the connection is of no use any more; undefined = it is. */
  get lost(): Error | undefined {
    return this.brokenBy;
  }

  /** Nobody knows what the connection is doing: it must not be used again. */
  lose(why: Error): void {
    this.brokenBy ??= why;
    this.wake();
  }

  /** Resolves when the answer that began with an error has come to its end, or nothing more will come. Never rejects. */
  answered(): Promise<void> {
    if (!this.isHalfAnswered || this.brokenBy !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  stop(): void {
    this.wire.removeListener('readyForQuery', this.onReady);
    this.wire.removeListener('errorMessage', this.onErrorMessage);
    this.client.removeListener('error', this.onError);
    this.client.removeListener('end', this.onEnd);
    this.wake();
  }

  private readonly onReady = (message: { readonly status?: unknown } | undefined): void => {
    const status = message?.status;
    if (status === 'I' || status === 'T' || status === 'E') this.current = status;
    this.isHalfAnswered = false;
    this.wake();
  };

  private readonly onErrorMessage = (): void => {
    this.isHalfAnswered = true;
  };

  private readonly onError = (error: Error): void => this.lose(error);

  private readonly onEnd = (): void => this.lose(new Error('the server closed the connection'));

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
