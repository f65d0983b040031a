/**
 * A database transaction that spans no round trip of the client: how it is sent depends on the server, what becomes of it does
 * not. It is done whole, or nothing of it is.
 */
import type { StoreFailure } from '../../store';
import { type DriverError, failureOf } from './failures';
import { type Answer, type Session, StatementError } from './session';

/** One statement of a transaction. */
export interface Step {
  readonly sql: string;
  /** So many rows it has to change; with any other number nothing of the transaction is done. Default: any number. */
  readonly expects?: number;
}

/** What is sent for a transaction. */
export interface Message {
  /** Statements, sent together. */
  readonly texts: readonly string[];
  /** How many answers the server gives. */
  readonly answers: number;
}

/** What a transaction does. */
export type Purpose = 'read' | 'write';

/** A way to send transactions. */
export interface TransactionForm {
  readonly name: 'packet' | 'block';
  /** What is sent for these steps. */
  message(steps: readonly Step[], purpose: Purpose): Message;
  /** The answer to each step, out of those to the message. Throws StoreFailure `unknown` where they do not prove that it is done. */
  answersOf(
    answers: readonly Answer[],
    steps: readonly Step[],
    purpose: Purpose,
  ): readonly Answer[];
  /** What ended the transaction. */
  endOf(error: StatementError, steps: readonly Step[]): TransactionEnd;
}

/** Why a transaction was not done. */
export interface TransactionEnd {
  readonly error: DriverError;
  /** What it means for the transaction. */
  readonly failure: StoreFailure;
  /** Number of the step that failed, where that is known. */
  readonly place: number | undefined;
  /** Whether the step did not change as many rows as it has to. */
  readonly missed: boolean;
}

/** A transaction that was not done, by a definite error of the server. */
export class TransactionError extends Error {
  override readonly name = 'TransactionError';

  constructor(readonly end: TransactionEnd) {
    super(end.failure.message, { cause: end.failure });
  }
}

/**
 * Sends a message, and answers its steps. Rejects with StoreFailure where the connection failed, with {@link TransactionError}
 * where the server refused.
 */
export async function sendTransaction(
  session: Session,
  steps: readonly Step[],
  { message, purpose }: { readonly message: Message; readonly purpose: Purpose },
): Promise<readonly Answer[]> {
  let answers: readonly Answer[];
  try {
    answers = await session.attempt(message.texts, message.answers);
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    throw new TransactionError(session.form.endOf(error, steps));
  }
  return session.form.answersOf(answers, steps, purpose);
}

/** Runs a transaction, and answers its steps. Rejects with StoreFailure. */
export async function runTransaction(
  session: Session,
  statements: readonly string[],
  purpose: Purpose,
): Promise<readonly Answer[]> {
  const steps = statements.map((sql) => ({ sql }));
  const message = session.form.message(steps, purpose);
  try {
    return await sendTransaction(session, steps, { message, purpose });
  } catch (error) {
    throw error instanceof TransactionError ? error.end.failure : error;
  }
}

/** The end that an error means by itself. */
export function plainEnd(error: DriverError, place: number | undefined): TransactionEnd {
  return { error, failure: failureOf(error), place, missed: false };
}
