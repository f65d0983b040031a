/** What the tables of the interleavings are, in every SQL dialect. */
import type { OpenedCall, WorkDone } from '@tercet/sdk';
import { Death, type Left, type Place, effectOf, effectsOf, moves } from './business';
import { pause } from './pause';

/** A statement of a handler, with `?` for its parameters. */
export type Send<Db> = (
  db: Db,
  sql: string,
  params: readonly (string | number)[],
) => Promise<unknown>;

/** One statement after the other. */
export const tables: readonly string[] = [
  'CREATE TABLE account (run varchar(64) PRIMARY KEY, free int NOT NULL, held int NOT NULL, sold int NOT NULL)',
  'CREATE TABLE effect (run varchar(64) NOT NULL, branch varchar(8) NOT NULL, what varchar(16) NOT NULL, reply varchar(64) NOT NULL)',
];

/** Makes the rows of a run. */
export const opening = 'INSERT INTO account (run, free, held, sold) VALUES (?, 100, 0, 0)';
/** What a run has left. */
export const looking = {
  effects: 'SELECT branch, what FROM effect WHERE run = ?',
  account: 'SELECT free, held, sold FROM account WHERE run = ?',
} as const;

/** The two statements of a work, and how its connection is lost between them. */
export interface Sending<Db> {
  readonly send: Send<Db>;
  readonly loseConnection: (db: Db) => Promise<void>;
}

/** The work of a call. */
export async function workBy<Db>(
  { send, loseConnection }: Sending<Db>,
  opened: OpenedCall<Db>,
  { runId, step, reply }: Place,
): Promise<WorkDone> {
  const what = effectOf(opened, step);
  const { db } = opened;
  if (what !== 'blindCancel') {
    const [from, to] = moves[step.phase];
    await send(db, `UPDATE account SET ${from} = ${from} - 1, ${to} = ${to} + 1 WHERE run = ?`, [
      runId,
    ]);
  }
  await pause(step.workMs);
  if (step.mishap === 'dies midway') throw new Death('midway');
  if (step.mishap === 'loses its connection') await loseConnection(db);
  const effect = 'INSERT INTO effect (run, branch, what, reply) VALUES (?, ?, ?, ?)';
  await send(db, effect, [runId, step.branchId, what, reply]);
  const note = step.phase === 'try' ? Buffer.from(reply) : undefined;
  return { reply: Buffer.from(reply), note };
}

/** Rows of `looking` as what a run has left. */
export function leftOf(effects: unknown, accounts: unknown): Left {
  const [account] = accounts as readonly Record<'free' | 'held' | 'sold', number>[];
  if (account === undefined) throw new Error('the account is gone');
  const { free, held, sold } = account;
  const rows = effects as readonly { readonly branch: string; readonly what: string }[];
  return { effects: effectsOf(rows), free, held, sold };
}
