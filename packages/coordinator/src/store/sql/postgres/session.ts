/**
 * One connection that comes back by itself: what is asked of it is done one after the other, on a connection that is made when
 * it is needed and replaced when it was lost.
 *
 * L1 A statement that was sent on a connection that broke is never sent again by itself.
 * L2 A server that does not answer at all is given up after a while: the connection is cut, and what was sent is in doubt.
 * L3 After an error that concerns the server, not the statement, the next one gets a new connection: behind the address there
 *    may be another server by now.
 */
import type { Scheduler } from '@tercet/core';
import type { Client, QueryResultRow } from 'pg';
import { StoreFailure } from '../../store';
import { failureOf, readFailureOf } from './failures';
import { Pipeline, type Prepared, type Step, type StepResult } from './pipeline';

/** What a session needs. */
export interface SessionDeps {
  /** Makes a connection that is ready for statements. */
  readonly connect: () => Promise<Client>;
  readonly scheduler: Scheduler;
  /** For how long an answer is waited for, ms (L2). */
  readonly answerMs: number;
}

/** How long a connection may take to say goodbye, ms. */
const GOODBYE_MS = 1_000;

interface Live {
  readonly client: Client;
  readonly prepared: Prepared;
}

/** A connection. */
export class Session {
  /** What waits or is under way. */
  waiting = 0;
  private live: Live | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly deps: SessionDeps) {}

  /** Runs statements as one transaction in one network write. Rejects with StoreFailure. */
  async write(steps: readonly Step[]): Promise<readonly StepResult[]> {
    return await this.inTurn(async () => {
      const live = await this.connected();
      const done = new Promise<readonly StepResult[]>((resolve, reject) => {
        live.client.query(new Pipeline(steps, live.prepared, { resolve, reject }));
      });
      return await this.answered(live, done);
    });
  }

  /** Reads rows. Rejects with StoreFailure, never of the kind `unknown`. */
  async read<T extends QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<readonly T[]> {
    return await this.inTurn(async () => {
      const live = await this.connected();
      const query = live.client.query<T>({ text, values: [...values] });
      const done = query.catch((error: unknown) => {
        throw readFailureOf(error);
      });
      return (await this.answered(live, done)).rows;
    });
  }

  /** Works on the bare connection, for what needs several round trips in one transaction. */
  async alone<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return await this.inTurn(async () => work((await this.connected()).client));
  }

  /** What comes next gets a new connection. */
  async renew(): Promise<void> {
    await this.inTurn(() => this.drop());
  }

  /** Ends the connection; what waits is refused, what is under way is given up. Repeating is safe. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.drop();
    await this.tail;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.waiting++;
    const turn = this.tail.then(work);
    this.tail = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.waiting--;
    }
  }

  private async connected(): Promise<Live> {
    if (this.isClosed) throw closed();
    if (this.live !== undefined) return this.live;
    let client: Client;
    try {
      client = await this.deps.connect();
    } catch (error) {
      throw failureOf(error, 'before');
    }
    const live = { client, prepared: new Map<string, string>() };
    this.live = live;
    const forget = (): void => {
      if (this.live === live) this.live = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    // It was closed while the connection was made.
    if (this.isClosed) {
      await this.drop();
      throw closed();
    }
    return live;
  }

  /** L2, L3. */
  private async answered<T>(live: Live, done: Promise<T>): Promise<T> {
    const { scheduler, answerMs } = this.deps;
    const watch = scheduler.after(answerMs, () => cut(live.client));
    try {
      return await done;
    } catch (error) {
      const isOurs = error instanceof StoreFailure && /^(transient|data)$/.test(error.kind);
      if (!isOurs) await this.drop();
      throw error;
    } finally {
      watch.cancel();
    }
  }

  private async drop(): Promise<void> {
    const { live } = this;
    this.live = undefined;
    if (live !== undefined) await endClient(live.client, this.deps.scheduler);
  }
}

/** Says goodbye; who does not answer is cut off. Never rejects. */
export async function endClient(client: Client, scheduler: Scheduler): Promise<void> {
  const timer = scheduler.after(GOODBYE_MS, () => cut(client));
  await client.end().catch(() => undefined);
  timer.cancel();
}

function cut(client: Client): void {
  client.connection.stream.destroy();
}

function closed(): StoreFailure {
  return new StoreFailure('unavailable', 'the store is not open');
}
