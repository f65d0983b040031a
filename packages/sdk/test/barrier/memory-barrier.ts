/** The engine over a database in memory, in virtual time. */
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import type { BarrierCall, BarrierWork } from '../../src/barrier/barrier';
import { type BarrierOptions, barrierSettings } from '../../src/barrier/barrier-options';
import { SqlBarrier } from '../../src/barrier/sql-barrier';
import type { SqlDialect } from '../../src/barrier/sql-dialect';
import { aCall } from './barrier-calls';
import { type MemoryDb, MemoryDatabase, memoryDialect } from './memory-database';

/** A call of one and the same branch, without a deadline; by default its first Try. */
export function branchCall(more: Partial<BarrierCall> = {}): BarrierCall {
  return aCall({ runId: '0123456789abcdef0123456789abcdef', deadline: undefined, ...more });
}

/** A text as bytes. */
export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** Bytes as a text. */
export function textOf(given: Uint8Array | undefined): string | undefined {
  return given === undefined ? undefined : Buffer.from(given).toString();
}

/** Work whose effect is `name`, answered with `name`. */
export function effect(name: string): BarrierWork<MemoryDb> {
  return async ({ db }) => {
    db.effect(name);
    return { reply: bytes(name), note: undefined };
  };
}

/** The engine over a database in memory. */
export interface MemoryBarrier {
  readonly time: ManualTime;
  readonly database: MemoryDatabase;
  readonly barrier: SqlBarrier<MemoryDb>;
}

/** Makes one. Its random numbers are 0.5: pauses are half of their bound, and the first cleaning comes after half an hour. */
export function memoryBarrier(
  options: BarrierOptions = {},
  dialect: SqlDialect = memoryDialect(),
): MemoryBarrier {
  const time = new ManualTime();
  const random = { ...new SeededRandom(), unit: () => 0.5, bytes: () => new Uint8Array() };
  const database = new MemoryDatabase(time, dialect);
  const settings = barrierSettings('memoryBarrier', {
    clock: time,
    scheduler: time,
    random,
    ...options,
  });
  return { time, database, barrier: new SqlBarrier('memory', database, settings) };
}

/** What a promise came to while the time moves on by `ms`. */
export async function settled<T>(
  time: ManualTime,
  promise: Promise<T>,
  ms = 60_000,
): Promise<PromiseSettledResult<T>> {
  const result = Promise.allSettled([promise]);
  await time.advance(ms);
  const [first] = await result;
  return first;
}
