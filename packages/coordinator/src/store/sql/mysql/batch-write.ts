/**
 * Writes a batch: one message, one database transaction. Where a guard missed that other rows hang on, nothing was written:
 * what rows say now is read, what cannot match is left out, and the rest is written again.
 */
import { StoreFailure } from '../../store';
import type { FactsRow } from '../../rows/columns';
import { type BatchRows, type GuardedList, guardedLists } from '../batch-rows';
import { BatchTooLarge, type WaveCounts } from '../sql-server';
import { survivorsOf } from '../survivors';
import { type BatchStatement, batchStatements } from './batch-statements';
import { mysqlError } from './failures';
import type { Answer, Session } from './session';
import { sendTransaction, type TransactionEnd, TransactionError } from './transaction';

/** What writing a batch needs. */
export interface BatchWriteDeps {
  /** The connection that writes, and nothing else does on it. */
  readonly session: Session;
  readonly me: string;
  /** Longest message that the server takes, bytes. */
  readonly packetBytesMax: number;
  /** What rows say now, from the same server. */
  facts(gids: readonly string[]): Promise<ReadonlyMap<string, FactsRow>>;
}

type MutableCounts = Record<GuardedList, number>;

/** Room in a message for what is not the statements' text. */
const PACKET_HEAD = 1_024;
/** How often a batch is written whose guards somebody else keeps on changing. */
const TRIES = 3;

/** The counts of each wave. Rejects as {@link SqlServer.write}. */
export async function writeBatch(
  deps: BatchWriteDeps,
  waves: readonly BatchRows[],
): Promise<readonly WaveCounts[]> {
  let left = waves;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const counts = await written(deps, left);
    if (counts !== undefined) return counts;
    left = survivorsOf(left, await deps.facts(gidsOf(left)), deps.me);
  }
  throw new StoreFailure('transient', 'somebody else changes the same rows at the same time');
}

/** Undefined = a guard missed, nothing is written. */
async function written(
  deps: BatchWriteDeps,
  waves: readonly BatchRows[],
): Promise<readonly WaveCounts[] | undefined> {
  const { session, me, packetBytesMax } = deps;
  const statements = batchStatements(waves, me);
  const message = session.form.message(statements, 'write');
  assertSize(waves, message.texts, packetBytesMax);
  try {
    const answers = await sendTransaction(session, statements, { message, purpose: 'write' });
    return countsOf(waves, statements, answers);
  } catch (error) {
    if (!(error instanceof TransactionError)) throw error;
    if (isMiss(error.end, statements)) return undefined;
    throw error.end.failure;
  }
}

/** An update that a guard has missed, or rows to open of which one is there. */
function isMiss(
  { error, place, missed }: TransactionEnd,
  statements: readonly BatchStatement[],
): boolean {
  if (missed || place === undefined) return missed;
  return error.errno === mysqlError.DUP_ENTRY && statements[place]?.counts === 'opens';
}

function countsOf(
  waves: readonly BatchRows[],
  statements: readonly BatchStatement[],
  answers: readonly Answer[],
): readonly WaveCounts[] {
  const counts = waves.map((): MutableCounts => {
    return Object.fromEntries(guardedLists.map((list) => [list, 0])) as MutableCounts;
  });
  statements.forEach(({ counts: list, wave }, i) => {
    const row = counts[wave];
    if (list !== undefined && row !== undefined) row[list] += answers[i]?.matched ?? 0;
  });
  return counts;
}

/** Several operations stay under half of what the server takes; one alone may fill it. */
function assertSize(
  waves: readonly BatchRows[],
  texts: readonly string[],
  packetBytesMax: number,
): void {
  const half = packetBytesMax / 2;
  const characters = texts.reduce((sum, sql) => sum + sql.length + 1, PACKET_HEAD);
  // No character takes more than three bytes (a pair of surrogates takes four).
  if (characters * 3 <= half) return;
  const size = texts.reduce((sum, sql) => sum + Buffer.byteLength(sql) + 1, PACKET_HEAD);
  const max = countOperations(waves) > 1 ? half : packetBytesMax;
  if (size <= max) return;
  throw new BatchTooLarge(
    `a message of ${size} bytes is more than the store takes: its max_allowed_packet is ${packetBytesMax}`,
  );
}

function countOperations(waves: readonly BatchRows[]): number {
  return waves.reduce((sum, wave) => {
    return guardedLists.reduce((all, list) => all + wave[list].length, sum);
  }, 0);
}

function gidsOf(waves: readonly BatchRows[]): readonly string[] {
  const gids = waves.flatMap((wave) => {
    return guardedLists.flatMap((list) => wave[list].map(({ gid }) => gid));
  });
  return [...new Set(gids)].sort();
}
