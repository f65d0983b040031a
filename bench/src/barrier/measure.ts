/** Throughput of local transactions in interleaved rounds, and what they cost the server in statements. */
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { setTimeout as pause } from 'node:timers/promises';
import { ClosedLoop } from '../load/closed-loop';
import { median } from '../statistics';
import type { LocalTransaction } from './local-transactions';

/** How many run at a time, and for how long. */
export interface Load {
  readonly concurrency: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Transactions per second, some at a time. */
export async function perSecond(
  transact: LocalTransaction,
  { concurrency, warmUpMs, measureMs }: Load,
): Promise<number> {
  const loop = new ClosedLoop(async () => {
    const from = performance.now();
    await transact();
    return performance.now() - from;
  });
  loop.start(concurrency);
  await pause(warmUpMs);
  loop.open();
  const from = performance.now();
  await pause(measureMs);
  const seconds = (performance.now() - from) / 1_000;
  const { length } = loop.close();
  await loop.stop();
  return length / seconds;
}

/** The middle of how often `base` fits into one of the others, round by round: 1 = they cost the same. */
export function cost(base: readonly number[], other: readonly number[]): number {
  return median(base.map((rate, round) => rate / (other[round] ?? Number.NaN)));
}

/**
 * Statements that the server counted for each of `times` transactions, one after the other; preparing one does not count.
 * Only right where nobody else uses the server.
 */
export async function statementsEach(
  pool: Pool,
  transact: LocalTransaction,
  times: number,
): Promise<number> {
  // What a connection sends once (its settings) is none of a transaction's.
  await transact();
  const before = await questions(pool);
  for (let i = 0; i < times; i++) await transact();
  const after = await questions(pool);
  // The second question is counted, too.
  return (after - before - 1) / times;
}

async function questions(pool: Pool): Promise<number> {
  const [rows] = await pool.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Questions'");
  return Number(rows[0]?.['Value']);
}
