/** One local transaction of one business UPDATE, with the barrier and without, on the same driver. */
import { randomBytes } from 'node:crypto';
import type { Barrier, BarrierCall } from '@tercet/sdk';
import type { Pool, PoolConnection } from 'mysql2/promise';

/** What runs one local transaction; no two that run at the same time touch the same row. */
export type LocalTransaction = () => Promise<void>;

/** Rows of the business table: far more than run at a time, so that no two meet. */
export const ACCOUNTS = 1_024;

const update = 'UPDATE bench_account SET balance = balance - 1 WHERE id = ?';

/** What the handler of every variant does. */
export async function withdraw(
  db: Pick<PoolConnection, 'execute'>,
  account: number,
): Promise<void> {
  const [result] = await db.execute(update, [account]);
  if (!('affectedRows' in result && result.affectedRows === 1)) {
    throw new Error(`account ${account} is not there`);
  }
}

/** Makes the business table, full. */
export async function openAccounts(pool: Pool): Promise<void> {
  await pool.query('DROP TABLE IF EXISTS bench_account');
  await pool.query(
    'CREATE TABLE bench_account (id INT PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB',
  );
  const rows = Array.from({ length: ACCOUNTS }, (_, id) => [id, 0]);
  await pool.query('INSERT INTO bench_account (id, balance) VALUES ?', [rows]);
}

/** Accounts one after the other, so that those in use at a time differ. */
export function nextAccount(): () => number {
  let count = 0;
  return () => count++ % ACCOUNTS;
}

/** BEGIN, UPDATE, COMMIT. */
export function plain(pool: Pool, account: () => number): LocalTransaction {
  return async () => {
    const connection = await pool.getConnection();
    try {
      await connection.query('BEGIN');
      await withdraw(connection, account());
      await connection.query('COMMIT');
    } finally {
      connection.release();
    }
  };
}

/** Branches whose Try was carried out and that have not ended. */
export type TriedBranches = string[];

type BarrierOfPool = Barrier<Pick<PoolConnection, 'execute'>>;

/** A Try under the barrier; remembers its branch in `tried`. */
export function guardedTry(
  barrier: BarrierOfPool,
  account: () => number,
  tried: TriedBranches,
): LocalTransaction {
  return async () => {
    const runId = randomBytes(16).toString('hex');
    await carryOut(barrier, callOf('try', runId), account());
    tried.push(runId);
  };
}

/** The Confirm, or the Cancel, of the next branch of `tried`. Throws where there is none. */
export function guardedEnd(
  phase: 'confirm' | 'cancel',
  { barrier, account, tried }: EndParts,
): LocalTransaction {
  return async () => {
    const runId = tried.pop();
    if (runId === undefined) throw new Error('every Try has ended: nothing is left to measure');
    await carryOut(barrier, callOf(phase, runId), account());
  };
}

/** What a phase two is carried out with. */
export interface EndParts {
  readonly barrier: BarrierOfPool;
  readonly account: () => number;
  readonly tried: TriedBranches;
}

async function carryOut(barrier: BarrierOfPool, call: BarrierCall, account: number): Promise<void> {
  const end = await barrier.carryOut(call, async ({ db }) => {
    await withdraw(db, account);
    return { reply, note: undefined };
  });
  if (end.kind !== 'done') throw new Error(`the call ended as ${end.kind}`);
}

/** As long as a reservation's number. */
const reply = Buffer.alloc(24, 'reply');
const CALL_MS = 10_000;

function callOf(phase: BarrierCall['phase'], runId: string): BarrierCall {
  return {
    runId,
    branchId: '1',
    gid: `order-${runId}`,
    service: 'bench.v1.Bench',
    action: 'reserve',
    phase,
    attempt: 1,
    deadline: Date.now() + CALL_MS,
    givenUp: () => false,
    cancelWhenTryUnknown: 'skip',
    encodeReply: () => reply,
  };
}
