import { describe, expect, test } from '@jest/globals';
import { BarrierError } from '../../src/errors';
import type { TercetWarning } from '../../src/warnings';
import { RETENTION_MS_DEFAULT } from '../../src/barrier/barrier';
import { branchCall, effect, memoryBarrier, settled } from './memory-barrier';
import { MemoryError } from './memory-database';

const HOUR = 3_600_000;
const migrateHint = /`tercet barrier migrate`.*`await barrier\.migrate\(\)`/;

describe('check', () => {
  test.each([
    ['there is no table', undefined, /tercet_barrier is missing/],
    ['it is older', 0, /of version 0, this SDK works with 1/],
  ])('says how to mend it where %s', async (_case, version, text) => {
    const { barrier, database } = memoryBarrier();
    database.version = version;
    const error = await barrier.check().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BarrierError);
    expect(error).toMatchObject({ message: expect.stringMatching(text) });
    expect(error).toMatchObject({ message: expect.stringMatching(migrateHint) });
  });

  test('asks for a newer SDK where the table is newer', async () => {
    const { barrier, database } = memoryBarrier();
    database.version = 2;
    await expect(barrier.check()).rejects.toThrow(/version 2, newer .* update @tercet\/sdk/);
    await expect(barrier.migrate()).rejects.toThrow(/version 2, newer/);
  });

  test('reads the table as calls do, so that missing rights show', async () => {
    const { barrier, database } = memoryBarrier();
    const error = new Error('permission denied');
    database.fault = (step) => (step === 'outside lock try' ? { error } : undefined);
    await expect(barrier.check()).rejects.toThrow(
      /cannot be used: permission denied.*needs SELECT/,
    );
  });

  test('is asked once when it has passed, and again while it fails', async () => {
    const { barrier, database } = memoryBarrier();
    database.version = undefined;
    await expect(barrier.check()).rejects.toThrow();
    database.version = 1;
    await Promise.all([barrier.check(), barrier.check()]);
    await barrier.check();
    expect(database.trace.filter((step) => step === 'outside version')).toHaveLength(2);
  });

  test('does not wait for a server that is silent', async () => {
    const { barrier, database, time } = memoryBarrier();
    database.statement = () => new Promise(() => {});
    const check = await settled(time, barrier.check(), 10_000);
    expect(check).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/did not answer within 10 s.*can be reached/) },
    });
    Reflect.deleteProperty(database, 'statement');
    await barrier.check();
  });

  test('is asked again after a call found no table', async () => {
    const { barrier, database } = memoryBarrier();
    await barrier.check();
    database.version = undefined;
    await expect(barrier.carryOut(branchCall(), effect('try'))).rejects.toThrow(/is missing/);
    await expect(barrier.check()).rejects.toThrow(/is missing/);
  });
});

describe('migrate', () => {
  test('makes the table, and may be repeated, also by several at once', async () => {
    const { barrier, database } = memoryBarrier();
    database.version = undefined;
    await Promise.all([barrier.migrate(), barrier.migrate()]);
    await barrier.migrate();
    await barrier.check();
    expect(database.version).toBe(1);
  });

  test('mends an older table, as check asks for it', async () => {
    const { barrier, database } = memoryBarrier();
    database.version = 0;
    await expect(barrier.check()).rejects.toThrow(migrateHint);
    await barrier.migrate();
    await barrier.check();
    expect(database.version).toBe(1);
  });

  test('needs no right to create where everything is there', async () => {
    const { barrier, database } = memoryBarrier();
    await barrier.migrate();
    expect(database.trace.filter((step) => step.startsWith('outside create'))).toEqual([]);
  });

  test('repeats a step that another process disturbed', async () => {
    const { barrier, database, time } = memoryBarrier();
    database.version = undefined;
    let failures = 2;
    database.fault = (step) => {
      if (step !== 'outside create table' || failures === 0) return undefined;
      failures -= 1;
      return { error: new Error('duplicate key in the catalogue') };
    };
    expect(await settled(time, barrier.migrate())).toMatchObject({ status: 'fulfilled' });
  });

  test('says who may create tables', async () => {
    const { barrier, database, time } = memoryBarrier();
    database.version = undefined;
    const error = new Error('permission denied');
    database.fault = (step) => (step === 'outside create table' ? { error } : undefined);
    expect(await settled(time, barrier.migrate())).toMatchObject({
      reason: {
        name: 'BarrierError',
        message: expect.stringMatching(/permission denied.*may create tables/),
      },
    });
    expect(time.pending).toBe(0);
  });

  test('passes on what is wrong with the pool', async () => {
    const { barrier, database } = memoryBarrier();
    const error = new BarrierError('the pool is closed');
    database.fault = () => ({ error });
    await expect(barrier.migrate()).rejects.toBe(error);
    expect(database.trace).toHaveLength(1);
  });
});

describe('cleaning', () => {
  async function withOldBranches(count: number) {
    const it = memoryBarrier();
    for (let i = 1; i <= count; i += 1) {
      await it.barrier.carryOut(
        branchCall({ branchId: `${i}`, phase: 'cancel' }),
        effect('cancel'),
      );
    }
    await it.barrier.carryOut(branchCall({ branchId: 'open' }), effect('try'));
    return it;
  }
  const asked = (trace: readonly string[]): number =>
    trace.filter((step) => step === 'outside clean').length;

  test('C1 removes what ended longer than the retention ago, never a lone try', async () => {
    const { barrier, database, time } = await withOldBranches(3);
    await time.advance(RETENTION_MS_DEFAULT);
    expect(await barrier.cleanUp()).toBe(0);
    await time.advance(1);
    expect(await barrier.cleanUp()).toBe(6);
    expect([...database.rows.keys()].map((key) => key.split(' ').slice(1))).toEqual([
      ['open', 'try'],
    ]);
  });

  test('C2 in batches of at most 1,000 rows, until nothing is left', async () => {
    const { barrier, database, time } = await withOldBranches(501);
    await time.advance(RETENTION_MS_DEFAULT + 1);
    database.trace.length = 0;
    expect(await barrier.cleanUp()).toBe(1_002);
    expect(asked(database.trace)).toBe(3);
  });

  test('repeats a batch that met a deadlock', async () => {
    const { barrier, database, time } = await withOldBranches(1);
    await time.advance(RETENTION_MS_DEFAULT + 1);
    const errors = [new MemoryError('restart'), new MemoryError('locked')];
    database.fault = () => {
      const error = errors.shift();
      return error === undefined ? undefined : { error };
    };
    expect(await settled(time, barrier.cleanUp())).toMatchObject({ value: 2 });
  });

  test('C3 happens by itself, at most once an hour, and only where calls come', async () => {
    const { barrier, database, time } = memoryBarrier();
    const call = () => barrier.carryOut(branchCall(), effect('try'));
    const after = async (ms: number): Promise<number> => {
      await time.advance(ms);
      await Promise.all([call(), call()]);
      await time.settle();
      return asked(database.trace);
    };
    // The random number is 0.5: half an hour after the start.
    expect(await after(HOUR / 2 - 1)).toBe(0);
    expect(await after(1)).toBe(1);
    expect(await after(HOUR - 1)).toBe(1);
    expect(await after(1)).toBe(2);
    await time.advance(10 * HOUR);
    expect(asked(database.trace)).toBe(2);
    expect(time.pending).toBe(0);
  });

  test('C3 a failure is told and disturbs no call', async () => {
    const warnings: TercetWarning[] = [];
    const { barrier, database, time } = memoryBarrier({ onWarning: (each) => warnings.push(each) });
    database.fault = (step) =>
      step === 'outside clean' ? { error: new Error('read only') } : undefined;
    await time.advance(HOUR);
    expect(await barrier.carryOut(branchCall(), effect('try'))).toMatchObject({ kind: 'done' });
    await time.settle();
    expect(warnings).toMatchObject([
      { code: 'BARRIER_NOT_CLEANED', message: expect.stringContaining('read only') },
    ]);
  });
});
