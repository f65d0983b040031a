/** Rules R1 to R3 of barrier-readiness.ts under a virtual clock. */
import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { systemScheduler } from '@tercet/runtime';
import { BarrierReadiness } from './barrier-readiness';

function aBarrier() {
  const time = new ManualTime();
  const barrier = {
    checks: 0,
    fails: undefined as Error | undefined,
    check(): Promise<void> {
      barrier.checks += 1;
      return barrier.fails === undefined ? Promise.resolve() : Promise.reject(barrier.fails);
    },
  };
  return { time, barrier, readiness: new BarrierReadiness(barrier, time) };
}

describe('the readiness of a barrier', () => {
  it('is found out once, for all that ask at a time (R1, R3)', async () => {
    const { barrier, readiness } = aBarrier();
    expect(readiness.known).toBe(false);
    await Promise.all([readiness.readyForCall(), readiness.ready(), readiness.readyForCall()]);
    barrier.fails = new Error('gone since');
    await readiness.readyForCall();
    await readiness.ready();
    expect([readiness.known, barrier.checks]).toEqual([true, 1]);
  });

  it('is looked for again by the next call, not more often than once a second (R2)', async () => {
    const { time, barrier, readiness } = aBarrier();
    const missing = new Error('the table is missing');
    barrier.fails = missing;
    for (let i = 0; i < 3; i++) await expect(readiness.readyForCall()).rejects.toBe(missing);
    time.jump(999);
    await expect(readiness.readyForCall()).rejects.toBe(missing);
    expect(barrier.checks).toBe(1);
    barrier.fails = undefined;
    time.jump(1);
    await readiness.readyForCall();
    expect([readiness.known, barrier.checks]).toEqual([true, 2]);
  });

  it('is looked for though the clock was set back', async () => {
    const { time, barrier, readiness } = aBarrier();
    barrier.fails = new Error('the table is missing');
    await expect(readiness.readyForCall()).rejects.toThrow();
    time.jump(-5_000);
    await expect(readiness.readyForCall()).rejects.toThrow();
    expect(barrier.checks).toBe(2);
  });

  it('is looked for at once by whoever asks for itself, and then known to calls', async () => {
    const { barrier, readiness } = aBarrier();
    barrier.fails = new Error('the table is missing');
    await expect(readiness.ready()).rejects.toThrow('the table is missing');
    barrier.fails = undefined;
    await readiness.ready();
    await readiness.readyForCall();
    expect(barrier.checks).toBe(2);
  });

  it('can fail where nobody listens, at once or later (R3)', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    const { time, barrier, readiness } = aBarrier();
    barrier.fails = new Error('the table is missing');
    void readiness.ready();
    void readiness.readyForCall();
    await time.settle();
    barrier.check = () => {
      throw new Error('not even a promise');
    };
    await time.settle();
    void readiness.ready();
    await time.settle();
    await expect(readiness.ready()).rejects.toThrow('not even a promise');
    await new Promise<void>((resolve) => systemScheduler.soon(resolve));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});
