/** The write transaction of the worker: one batch = one BEGIN IMMEDIATE … COMMIT = one fsync. */
import type { Database } from './driver';
import {
  BrokenConnection,
  KnownFailure,
  type Stage,
  codeOf,
  failureOf,
  sqliteCode,
} from './failures';
import type { FactsRow, LoadedRows } from '../rows/columns';
import { BatchRun } from './batch-run';
import { loadRows } from './read';
import type { WriteReply, WriteRequest } from './messages';
import type { Statements } from './statements';

/** A connection with its statements. */
export interface Connection {
  readonly db: Database;
  readonly statements: Statements;
  /** Numbers registrations; a number that was rolled back is not used again in this life. */
  nextRegistration: number;
}

/** Writes a batch. Counts are believed, and rows in question read, only after COMMIT succeeded. */
export function runBatch(connection: Connection, request: WriteRequest): WriteReply | undefined {
  const run = new BatchRun(connection, request);
  inTransaction(connection.db, () => run.all());
  if (run.asked.length === 0) return undefined;
  return afterCommit(() => {
    const { facts } = connection.statements;
    const rows = run.asked.map((gid) => [gid, facts.get(gid) as FactsRow | undefined] as const);
    return { missed: run.missed, facts: new Map(rows) };
  });
}

/** Takes over up to `limit` unfinished transactions of other owners and loads them after the commit. */
export function runClaim(
  connection: Connection,
  { incarnation, limit }: { readonly incarnation: string; readonly limit: number },
): readonly LoadedRows[] {
  const { db, statements } = connection;
  const gids = inTransaction(db, () => {
    const found = statements.findOthers.all(incarnation, limit) as { readonly gid: string }[];
    for (const { gid } of found) statements.takeOver.run(incarnation, gid);
    return found.map(({ gid }) => gid);
  });
  return afterCommit(() =>
    gids.flatMap((gid) => loadRows(statements, { gid, owner: incarnation }) ?? []),
  );
}

/** Writes about two pages and removes them, durably: a full or read-only store fails as it would for new work. */
export function runProbe({ db, statements }: Connection): void {
  inTransaction(db, () => {
    statements.fillProbe.run();
    statements.clearProbe.run();
  });
}

/** Runs `work` between BEGIN IMMEDIATE and COMMIT. Any error: ROLLBACK first, then a KnownFailure. */
export function inTransaction<T>(db: Database, work: () => T): T {
  let stage: Stage = 'before-commit';
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = work();
    stage = 'commit';
    db.exec('COMMIT');
    return result;
  } catch (error) {
    rollBack(db);
    throw new KnownFailure(failureOf(error, stage));
  }
}

/** What fails after the commit leaves a batch that is done without an answer: in doubt. */
function afterCommit<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new KnownFailure(failureOf(error, 'commit'));
  }
}

/**
 * Some errors (a full disk among them) end the transaction by themselves; "no transaction" is then the answer. After
 * any other failure the worker must not go on with half a batch open: it ends, and a new one is started.
 */
function rollBack(db: Database): void {
  try {
    db.exec('ROLLBACK');
  } catch (error) {
    if (codeOf(error) === sqliteCode.ERROR) return;
    throw new BrokenConnection('ROLLBACK failed', { cause: error });
  }
}
