/**
 * Statements that leave in one network write and are one transaction: the server opens it with the first and commits it at
 * the closing Sync, or rolls everything back at the first error.
 *
 * P1 Nothing is believed before the server said that it is ready again: a commit can still fail after the last statement.
 * P2 An error is definite only if the server is ready again after it. Where the connection ends instead, it is in doubt.
 */
import type { Connection, Submittable } from 'pg';
import { type Stage, failureOf, sqlStateOf } from './failures';
import type { StoreFailure } from '../../store';

/** One statement with its parameters: bytes are sent in binary form, texts in text form. */
export interface Step {
  readonly text: string;
  readonly values: readonly (Buffer | string | null)[];
}

/** What a statement answered, as texts. */
export interface StepResult {
  readonly rows: readonly (readonly (string | null)[])[];
  /** Number of rows that it returned or changed. */
  readonly count: number;
}

/** Names of the statements that a connection has prepared, by text. */
export type Prepared = Map<string, string>;

/** What becomes of a pipeline. */
export interface PipelineEnd {
  readonly resolve: (results: readonly StepResult[]) => void;
  readonly reject: (failure: StoreFailure) => void;
}

/** Names are never used twice: what a failed pipeline has prepared nobody knows. */
let names = 0;

/** A pipeline on its way: what the driver calls when answers arrive. */
export class Pipeline implements Submittable {
  private readonly results: StepResult[] = [];
  private readonly fresh = new Map<string, string>();
  private rows: (readonly (string | null)[])[] = [];
  private isSent = false;
  private isOver = false;

  constructor(
    private readonly steps: readonly Step[],
    private readonly prepared: Prepared,
    private readonly end: PipelineEnd,
  ) {}

  /** Sends everything. */
  submit(connection: Connection): void {
    this.isSent = true;
    connection.stream.cork();
    try {
      for (const step of this.steps) this.send(step, connection);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const count = Number(text.slice(text.lastIndexOf(' ') + 1));
    this.results.push({ rows: this.rows, count: Number.isNaN(count) ? 0 : count });
    this.rows = [];
  }

  /** P1. */
  handleReadyForQuery(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const [text, name] of this.fresh) this.prepared.set(text, name);
    this.end.resolve(this.results);
  }

  /** P2. */
  handleError(error: unknown, connection: Connection): void {
    if (this.isOver) return;
    this.isOver = true;
    if (!this.isSent) return this.fail(error, 'before');
    if (sqlStateOf(error) === undefined) return this.fail(error, 'sent');
    const settle = (stage: Stage) => (): void => {
      connection.removeListener('readyForQuery', ready);
      connection.removeListener('end', gone);
      this.fail(error, stage);
    };
    const ready = settle('refused');
    const gone = settle('sent');
    connection.once('readyForQuery', ready);
    connection.once('end', gone);
  }

  handleRowDescription(): void {}

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  private send({ text, values }: Step, connection: Connection): void {
    const statement =
      this.prepared.get(text) ?? this.fresh.get(text) ?? this.parse(text, connection);
    connection.bind({ statement, values: [...values] }, true);
    connection.execute(null, true);
  }

  private parse(text: string, connection: Connection): string {
    const name = `tercet_${++names}`;
    this.fresh.set(text, name);
    connection.parse({ name, text, types: [] }, true);
    return name;
  }

  private fail(error: unknown, stage: Stage): void {
    this.end.reject(failureOf(error, stage));
  }
}
