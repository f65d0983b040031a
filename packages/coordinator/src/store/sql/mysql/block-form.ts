/**
 * Transactions as one compound statement, for a Galera cluster: there an abort between two statements of a message was seen to
 * vanish, and acknowledged batches lost their rows. In a block every error, that of COMMIT among them, ends the block. MariaDB
 * has it, MySQL has not.
 *
 * G1 Whatever fails is rolled back by the block itself and told on. What no handler can catch, a killed statement, may come after
 *    COMMIT: it is a doubt. So is every error but a conflict once COMMIT was reached, which the counts tell: of a node that was
 *    cut off then, the rest of the cluster was seen to have the commit, and the node itself, too, when it was back.
 * G2 Counts are sent before COMMIT, and believed only because the block ended without an error: nothing that can fail comes after
 *    COMMIT.
 * G3 A transaction that has ended before COMMIT fails the block.
 * G4 The text of an error begins with the number of the step that failed.
 */
import { StoreFailure } from '../../store';
import { type DriverError, failureOf, mysqlError } from './failures';
import type { Answer, StatementError } from './session';
import {
  type Message,
  plainEnd,
  type Purpose,
  type Step,
  type TransactionEnd,
  type TransactionForm,
} from './transaction';

const MISSED = 'a guard missed';
const begin = {
  read: 'START TRANSACTION READ ONLY;',
  write: 'START TRANSACTION;',
} as const satisfies Record<Purpose, string>;

const declarations =
  "DECLARE tercet_counts TEXT DEFAULT '';DECLARE tercet_count BIGINT;DECLARE tercet_step INT DEFAULT 0;" +
  'DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN DECLARE tercet_text TEXT;' +
  'GET DIAGNOSTICS CONDITION 1 tercet_text=MESSAGE_TEXT;ROLLBACK;' +
  // No server takes more characters than these for certain.
  "SET tercet_text=LEFT(CONCAT(tercet_step,';',tercet_text),128);RESIGNAL SET MESSAGE_TEXT=tercet_text;END;";
const counted =
  "SET tercet_count=ROW_COUNT();SET tercet_counts=CONCAT(tercet_counts,tercet_count,',');";
const next = 'SET tercet_step=tercet_step+1;';
const stillOpen = signalIf('@@in_transaction=0', 'the transaction has ended');

/** One compound statement. */
export const blockForm: TransactionForm = {
  name: 'block',

  message(steps: readonly Step[], purpose: Purpose): Message {
    const parts = [`BEGIN NOT ATOMIC ${declarations}${begin[purpose]}`];
    for (const { sql, expects } of steps) {
      parts.push(sql, ';');
      if (purpose === 'write') parts.push(counted);
      if (expects !== undefined) parts.push(signalIf(`tercet_count<>${expects}`, MISSED));
      parts.push(next);
    }
    parts.push(stillOpen);
    if (purpose === 'write') parts.push('SELECT tercet_counts;');
    parts.push('COMMIT;END');
    // Each row set is an answer, and so is the end of the block.
    const rowSets = purpose === 'write' ? 1 : steps.length;
    return { texts: [parts.join('')], answers: rowSets + 1 };
  },

  answersOf(
    answers: readonly Answer[],
    steps: readonly Step[],
    purpose: Purpose,
  ): readonly Answer[] {
    if (purpose === 'read') return answers.slice(0, steps.length);
    const told = String(answers[0]?.rows[0]?.['tercet_counts']);
    const counts = told.split(',').slice(0, -1).map(Number);
    if (counts.length !== steps.length) {
      throw new StoreFailure('unknown', 'the server did not tell what became of the batch');
    }
    return counts.map((matched) => ({ matched, inTransaction: true, rows: [] }));
  },

  endOf({ error, place }: StatementError): TransactionEnd {
    const { errno, code, sqlState, fatal } = error;
    const [, step, message] = caught.exec(error.message) ?? [];
    if (step === undefined || message === undefined) return uncaught(error, place);
    const bare: DriverError = { errno, code, sqlState, fatal, message };
    const end = plainEnd(bare, Number(step));
    if (hasReachedCommit(place) && end.failure.kind !== 'transient') return doubt(bare);
    return { ...end, missed: errno === mysqlError.SIGNAL && message === MISSED };
  },
};

/** Row sets came before the error: the counts, behind which there is only COMMIT. */
function hasReachedCommit(rowSets: number): boolean {
  return rowSets > 0;
}

/** G4 */
const caught = /^(\d+);(.*)$/s;

function signalIf(condition: string, text: string): string {
  return `IF ${condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='${text}';END IF;`;
}

/** G1 */
function uncaught(error: DriverError, rowSets: number): TransactionEnd {
  const end = plainEnd(error, undefined);
  if (end.failure.kind === 'transient') return end;
  const isKilled =
    error.errno === mysqlError.QUERY_INTERRUPTED || error.errno === mysqlError.STATEMENT_TIMEOUT;
  return isKilled || hasReachedCommit(rowSets) ? doubt(error) : end;
}

function doubt(error: DriverError): TransactionEnd {
  const { message } = failureOf(error);
  const failure = new StoreFailure('unknown', message, { cause: error });
  return { ...plainEnd(error, undefined), failure };
}
