/**
 * Writes a batch: one message, one database transaction. Where a guard missed that other rows hang on, nothing was written:
 * what rows say now is read, what cannot match is left out, and the rest is written again.
 */
import { StoreFailure } from '../../store';
import type { FactsRow } from '../../rows/columns';
import type { BatchRows } from '../batch-rows';
import { BatchTooLarge, type WaveCounts } from '../sql-server';
import { survivorsOf } from '../survivors';
import { type BatchStatement, batchStatements } from './batch-statements';
import { failureOf, mysqlError } from './failures';
import { type Answer, type Session, StatementError } from './session';

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

type MutableCounts = { -readonly [K in keyof WaveCounts]: number };

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
  const statements = batchStatements(waves, deps.me);
  const texts = statements.map(({ sql }) => sql);
  assertSize(waves, texts, deps.packetBytesMax);
  let answers: readonly Answer[];
  try {
    answers = await deps.session.attempt(texts);
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    if (isMiss(error, statements)) return undefined;
    throw failureOf(error.error);
  }
  assertWhole(answers);
  return countsOf(waves, statements, answers);
}

/** A duplicate key where rows are opened, or a NULL where guards are asserted. */
function isMiss({ error, place }: StatementError, statements: readonly BatchStatement[]): boolean {
  const { errno } = error;
  if (errno !== mysqlError.DUP_ENTRY && errno !== mysqlError.BAD_NULL) return false;
  const statement = statements[place];
  if (statement?.asserts !== true) return false;
  return (statement.counts === 'opens') === (errno === mysqlError.DUP_ENTRY);
}

/** An answer before COMMIT's that came without a transaction: part of the batch stands alone, nobody knows which. */
function assertWhole(answers: readonly Answer[]): void {
  if (answers.slice(0, -1).every(({ inTransaction }) => inTransaction)) return;
  throw new StoreFailure('unknown', 'the server ended the transaction in the middle of a batch');
}

function countsOf(
  waves: readonly BatchRows[],
  statements: readonly BatchStatement[],
  answers: readonly Answer[],
): readonly WaveCounts[] {
  const counts = waves.map((): MutableCounts => {
    return { opens: 0, extensions: 0, decisions: 0, progress: 0, fences: 0 };
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
  return waves.reduce((sum, { opens, extensions, decisions, progress, fences }) => {
    const lists = [opens, extensions, decisions, progress, fences];
    return lists.reduce((all, list) => all + list.length, sum);
  }, 0);
}

function gidsOf(waves: readonly BatchRows[]): readonly string[] {
  const gids = waves.flatMap(({ opens, extensions, decisions, progress, fences }) =>
    [...opens, ...extensions, ...decisions, ...progress, ...fences].map(({ gid }) => gid),
  );
  return [...new Set(gids)].sort();
}
