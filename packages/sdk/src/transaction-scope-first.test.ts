/** Each case needs a process that was never asked: the module is loaded anew. */
import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { stat } from 'node:fs/promises';
import type * as Scopes from './transaction-scope';

const a = { gid: 'a', runId: '1' };
const called = { gid: 'b', runId: '2', branchId: '1', phase: 'try', deadline: 5 } as const;
const node = process.versions.node;

function asNode(version: string): void {
  Object.defineProperty(process.versions, 'node', { value: version, configurable: true });
}

function fresh(): typeof Scopes {
  let scopes: typeof Scopes | undefined;
  jest.isolateModules(() => {
    scopes = jest.requireActual<typeof Scopes>('./transaction-scope');
  });
  if (scopes === undefined) throw new Error('not loaded');
  return scopes;
}

describe('S3: before Node 24 the transaction that code belongs to', () => {
  beforeEach(() => asNode('20.20.2'));
  afterAll(() => asNode(node));

  it('is known where the first question comes in the turn in which the work started, and from then on', async () => {
    const { currentTransaction, runInScope } = fresh();
    const seen = await runInScope(a, async () => {
      const first = currentTransaction();
      await stat(__filename);
      return [first, currentTransaction()];
    });
    expect(seen).toEqual([a, a]);
    expect(currentTransaction()).toBeUndefined();
    const later = await runInScope(a, async () => {
      await stat(__filename);
      return currentTransaction();
    });
    expect(later).toEqual(a);
  });

  it('is not known behind an await where nobody asked before, once', async () => {
    const { currentTransaction, runInScope } = fresh();
    const ask = (): Promise<unknown> =>
      runInScope(a, async () => {
        await stat(__filename);
        return currentTransaction();
      });
    const first = await ask();
    expect([first, await ask()]).toEqual([undefined, a]);
  });

  it('is known in a handler behind an await as soon as there is a client, whose runs keep its deadline', async () => {
    const { carryHandlers, runInScope, scopeNow } = fresh();
    const ask = (): Promise<unknown> =>
      runInScope(called, async () => {
        await stat(__filename);
        return scopeNow()?.deadline;
      });
    expect(await ask()).toBeUndefined();
    carryHandlers();
    expect(await ask()).toBe(5);
    const run = await runInScope(a, async () => {
      await stat(__filename);
      return scopeNow();
    });
    expect(run).toBeUndefined();
  });

  it('is not carried while nobody asked: no promise is hooked', async () => {
    const carried = jest.spyOn(AsyncLocalStorage.prototype, 'run');
    const entered = jest.spyOn(AsyncLocalStorage.prototype, 'enterWith');
    const { currentTransaction, runInScope } = fresh();
    await runInScope(a, () => stat(__filename));
    await runInScope(called, () => stat(__filename));
    expect([carried.mock.calls, entered.mock.calls]).toEqual([[], []]);
    currentTransaction();
    await runInScope(a, () => stat(__filename));
    expect(carried).toHaveBeenCalledTimes(1);
    jest.restoreAllMocks();
  });

  it('is again that of the caller behind a run in which somebody asked for the first time', async () => {
    const { carryHandlers, currentTransaction, runInScope } = fresh();
    carryHandlers();
    const seen = await runInScope(called, async () => {
      const run = runInScope(a, () => currentTransaction());
      const behind = currentTransaction();
      await stat(__filename);
      return [await run, behind, currentTransaction()];
    });
    expect(seen).toEqual([a, called, called]);
  });

  it('is that of the innermost run, inside a handler whose transaction is carried too', async () => {
    const { carryHandlers, runInScope, scopeNow } = fresh();
    carryHandlers();
    const seen = await runInScope(called, () =>
      runInScope(a, () => [scopeNow(), runInScope(called, () => scopeNow()), scopeNow()]),
    );
    expect([seen[0], await seen[1], seen[2]]).toEqual([a, called, a]);
  });

  it('is nobody’s behind work that throws at once', async () => {
    const { currentTransaction, runInScope } = fresh();
    const failing = runInScope(a, () => {
      currentTransaction();
      throw new Error('at once');
    });
    expect(currentTransaction()).toBeUndefined();
    await expect(failing).rejects.toThrow('at once');
  });
});

describe('S3: from Node 24 on', () => {
  beforeEach(() => asNode('24.1.0'));
  afterAll(() => asNode(node));

  it('it is always known', async () => {
    const { currentTransaction, runInScope } = fresh();
    const seen = await runInScope(a, async () => {
      await stat(__filename);
      return currentTransaction();
    });
    expect(seen).toEqual(a);
  });
});
