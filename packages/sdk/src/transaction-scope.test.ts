import { describe, expect, it } from '@jest/globals';
import { stat } from 'node:fs/promises';
import { type TransactionScope, currentTransaction } from '@tercet/sdk';
import { Scenario, gate, item, shopIn } from '../test/support/scenario';
import { rejecting } from '../test/support/scripted-coordinator';
import { eventScope, runInScope } from './transaction-scope';

const a: TransactionScope = { gid: 'a', runId: '1' };
const b: TransactionScope = { gid: 'b', runId: '2', branchId: '1', phase: 'try' };

describe('the transaction that code belongs to', () => {
  it('is none outside', () => expect(currentTransaction()).toBeUndefined());

  it('is seen behind await, timers and promises, and S2: ends with the work', async () => {
    const seen: unknown[] = [];
    const late = gate();
    let leftover: Promise<unknown> = Promise.resolve();
    const value = await runInScope(a, async () => {
      seen.push(currentTransaction());
      await stat(__filename);
      seen.push(currentTransaction());
      leftover = late.promise.then(() => currentTransaction());
      return 7;
    });
    expect(value).toBe(7);
    expect(seen).toEqual([a, a]);
    expect(currentTransaction()).toBeUndefined();
    late.open();
    expect(await leftover).toBeUndefined();
  });

  it('S2: ends where the work throws, at once or later', async () => {
    let ask: () => unknown = () => a;
    const failing = runInScope(a, () => {
      const { asyncScope } = { asyncScope: () => currentTransaction() };
      ask = asyncScope;
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    expect(ask()).toBeUndefined();
    await expect(runInScope(a, () => Promise.reject(new Error('later')))).rejects.toThrow('later');
  });

  it('is the inner one within another, and concurrent ones do not mix', async () => {
    const look = async (): Promise<unknown> => {
      await stat(__filename);
      return currentTransaction();
    };
    expect(await runInScope(a, async () => [await runInScope(b, look), await look()])).toEqual([
      b,
      a,
    ]);
    expect(await Promise.all([runInScope(a, look), runInScope(b, look), look()])).toEqual([
      a,
      b,
      undefined,
    ]);
  });

  it('can be entered callback by callback', () => {
    const within = eventScope(b);
    let seen: unknown;
    within(() => {
      seen = currentTransaction();
    });
    expect(seen).toEqual(b);
    expect(currentTransaction()).toBeUndefined();
  });
});

describe('the callback of run', () => {
  it('belongs to its transaction; Tries and other runs do not mix', async () => {
    const s = new Scenario();
    const work = async (): Promise<string | undefined> => currentTransaction()?.gid;
    const runs = ['order-1', 'order-2', 'order-3'].map((gid) =>
      s.run(
        async (tx) => {
          const before = await work();
          await shopIn(tx).reserve(item);
          return [before, currentTransaction()?.gid, currentTransaction()?.runId === tx.runId];
        },
        { gid },
      ),
    );
    expect(currentTransaction()).toBeUndefined();
    await s.time.advance(100);
    expect(runs.map(({ value }) => value?.value)).toEqual([
      ['order-1', 'order-1', true],
      ['order-2', 'order-2', true],
      ['order-3', 'order-3', true],
    ]);
    expect(currentTransaction()).toBeUndefined();
  });

  it('carries the trace context of the run, and names no branch', async () => {
    const s = new Scenario();
    const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'x=y' };
    const run = await s.outcome(() => currentTransaction(), trace);
    expect(run.value?.value).toEqual({ gid: 'order-1', runId: run.value?.runId, trace });
  });

  it('ends where the run fails', async () => {
    const s = new Scenario();
    s.caller.onCall = () => rejecting();
    let after: Promise<unknown> = Promise.resolve();
    const hold = gate();
    await s.outcome((tx) => {
      after = hold.promise.then(() => currentTransaction());
      return shopIn(tx).reserve(item);
    });
    hold.open();
    expect(await after).toBeUndefined();
  });
});
