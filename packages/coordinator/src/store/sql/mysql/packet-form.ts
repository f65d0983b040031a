/**
 * Transactions as several statements in one message: what every server of the family takes, and the fastest form. Not for a
 * Galera cluster: there the end of a transaction in the middle of a message was seen to pass unnoticed.
 *
 * G1 An answer before COMMIT's that came without a transaction voids the message: part of it stands alone, nobody knows which.
 * G2 A number of rows that has to be reached is asserted by the next statement: NULL is inserted into `guards`, which is refused.
 * G3 An error that COMMIT itself answers is a doubt, unless it is a conflict: what ended it may have come too late.
 */
import { StoreFailure } from '../../store';
import { type DriverError, describe, mysqlError } from './failures';
import type { Answer, StatementError } from './session';
import {
  type Message,
  plainEnd,
  type Purpose,
  type Step,
  type TransactionEnd,
  type TransactionForm,
} from './transaction';

const begin: Readonly<Record<Purpose, string>> = {
  read: 'START TRANSACTION READ ONLY',
  write: 'BEGIN',
};

/** Several statements in one message. */
export const packetForm: TransactionForm = {
  name: 'packet',

  message(steps: readonly Step[], purpose: Purpose): Message {
    const texts = [begin[purpose]];
    for (const { sql, expects } of steps) {
      texts.push(sql);
      if (expects !== undefined) texts.push(assertionOf(expects));
    }
    texts.push('COMMIT');
    return { texts, answers: texts.length };
  },

  answersOf(
    answers: readonly Answer[],
    steps: readonly Step[],
    purpose: Purpose,
  ): readonly Answer[] {
    if (purpose === 'write') assertWhole(answers);
    const own: Answer[] = [];
    let place = 1;
    for (const { expects } of steps) {
      const answer = answers[place];
      if (answer !== undefined) own.push(answer);
      place += expects === undefined ? 1 : 2;
    }
    return own;
  },

  endOf({ error, place }: StatementError, steps: readonly Step[]) {
    let first = 1;
    for (const [i, { expects }] of steps.entries()) {
      if (place === first) return plainEnd(error, i);
      if (expects !== undefined && place === first + 1) {
        return { ...plainEnd(error, i), missed: error.errno === mysqlError.BAD_NULL };
      }
      first += expects === undefined ? 1 : 2;
    }
    return endOfCommit(error);
  },
};

/** G3 */
function endOfCommit(error: DriverError): TransactionEnd {
  const end = plainEnd(error, undefined);
  if (end.failure.kind === 'transient' || end.failure.kind === 'unknown') return end;
  return { ...end, failure: new StoreFailure('unknown', describe(error), { cause: error }) };
}

/** G2. What is expected of changes its rows always, so rows changed are rows matched. */
function assertionOf(rows: number): string {
  return `INSERT INTO guards (missed) SELECT NULL FROM DUAL WHERE ROW_COUNT() <> ${rows}`;
}

/** G1 */
function assertWhole(answers: readonly Answer[]): void {
  if (answers.slice(0, -1).every(({ inTransaction }) => inTransaction)) return;
  throw new StoreFailure('unknown', 'the server ended the transaction in the middle of a batch');
}
