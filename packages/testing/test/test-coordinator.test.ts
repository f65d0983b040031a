/** Runs on a test coordinator: over sockets and within the process, the same. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { systemScheduler } from '@tercet/runtime';
import { TransactionCancelledError } from '@tercet/sdk';
import { type TestCoordinator, createTestCoordinator } from '../src';
import { Shelf, guarded } from './support/shelf';
import { StockTccService, stock } from './support/stock-service';

const book = { sku: 'book', quantity: 1 };

describe.each([
  ['over sockets', false],
  ['within the process', true],
])('a test coordinator %s', (_, inProcess) => {
  let env: TestCoordinator;
  let shelf: Shelf;
  let target = '';

  beforeEach(async () => {
    env = await createTestCoordinator({ inProcess, patience: '200ms' });
    shelf = new Shelf();
    ({ target } = await env.serve(stock, shelf.handlers));
  });
  afterEach(() => env.close({ allow: { unfinished: true } }));

  /** A run of one branch; the promise is wrapped, or awaiting it here would await the run. */
  function buy(gid: string, definition = stock) {
    return env.tercet.run({ name: 'buy', gid }, async (tx) => {
      return (await tx.use(definition, { target }).reserve(book)).reservationId;
    });
  }

  it('confirms without any time passing', async () => {
    const before = env.clock.now();
    const { status: ended, value } = await buy('a');
    expect([ended, value]).toEqual(['confirmed', 'book-1']);
    expect(env.clock.now()).toBe(before);
    expect(shelf.story).toEqual(['try 1', 'confirm 1']);
    expect((await env.expectSettled('a', { status: 'confirmed' })).reached).toBe('settled');
    await env.expectNoLeaks();
  });

  it('gives handlers a deadline on the virtual clock', async () => {
    await env.advance('3h');
    await buy('a');
    const [tried, confirmed] = shelf.contexts;
    expect(tried?.deadline).toBe(env.clock.now() + 5_000);
    expect(confirmed?.deadline).toBe(env.clock.now() + 5_000);
    expect(tried?.metadata.getMap()).not.toHaveProperty('tercet-test-deadline');
  });

  it('retries for minutes of virtual time', async () => {
    env.faults.on(stock, 'reserve', 'confirm').failTimes(6, status.INTERNAL);
    const run = buy('a');
    await env.advance('10m');
    expect((await run).status).toBe('confirming');
    const calls = env
      .history('a')
      .map(({ phase, attempt, answer }) => [phase, attempt, answer?.status]);
    expect(calls).toEqual([
      ['try', 1, 'OK'],
      ...[1, 2, 3, 4, 5, 6].map((attempt) => ['confirm', attempt, 'INTERNAL']),
      ['confirm', 7, 'OK'],
    ]);
    expect(shelf.story).toEqual(['try 1', 'confirm 1']);
  });

  it('ends a handler that hangs at its virtual deadline', async () => {
    const aborted: string[] = [];
    shelf.hooks.try = (_request, ctx) =>
      new Promise((resolve) =>
        ctx.signal.addEventListener('abort', () => {
          aborted.push(ctx.phase);
          resolve();
        }),
      );
    const run = buy('a', guarded);
    const [outcome] = await Promise.allSettled([env.until(run)]);
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: expect.any(TransactionCancelledError),
    });
    expect(aborted).toEqual(['try']);
    expect(env.history('a')[0]?.answer).toMatchObject({
      status: 'DEADLINE_EXCEEDED',
      message: 'Deadline exceeded after 5.000s',
    });
    await env.expectSettled('a', { status: 'cancelled' });
  });

  it('waits for handlers and callbacks that work in real time', async () => {
    const work = (): Promise<void> =>
      new Promise((resolve) => void systemScheduler.after(30, resolve));
    shelf.hooks.try = work;
    shelf.hooks.confirm = work;
    const run = env.tercet.run({ name: 'buy', gid: 'a', timeout: '10s' }, async (tx) => {
      await work();
      await tx.use(stock, { target }).reserve(book);
      await work();
    });
    await env.advance('1h');
    expect((await run).status).toBe('confirmed');
    expect(env.history('a').map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  it('lets handlers and callbacks sleep in virtual time', async () => {
    const slept: number[] = [];
    const nap = async (): Promise<void> => {
      const before = env.clock.now();
      await env.sleep('2s');
      slept.push(env.clock.now() - before);
    };
    shelf.hooks.try = nap;
    const run = env.tercet.run({ name: 'buy', gid: 'a' }, async (tx) => {
      await nap();
      await tx.use(stock, { target }).reserve(book);
    });
    expect((await env.until(run)).status).toBe('confirmed');
    expect(slept).toEqual([2_000, 2_000]);
  });

  it('reaches a participant that was away, at the same address, within the next probe', async () => {
    const served = await env.serve(stock, shelf.handlers);
    ({ target } = served);
    let closed: Promise<void> | undefined;
    shelf.hooks.try = () => {
      closed = served.close();
    };
    const run = buy('a');
    await env.advance('10m');
    await closed;
    expect((await run).status).toBe('confirming');
    expect(env.history('a').at(-1)?.answer?.status).toBe('UNAVAILABLE');
    await env.serve(stock, shelf.handlers, { port: Number(target.split(':')[1]) });
    await env.expectSettled('a', { status: 'confirmed', within: '15s' });
    expect(shelf.story).toEqual(['try 1', 'confirm 1']);
  });

  it('repeats delays with the seed, and never an id', async () => {
    const stories: unknown[] = [];
    const ids = new Set<string>();
    for (const seed of [7, 7, 8]) {
      const other = await createTestCoordinator({ inProcess, seed, startAt: 1_000_000 });
      const served = await other.serve(stock, new Shelf().handlers);
      other.faults.on(StockTccService.reserveConfirm).failTimes(5, status.INTERNAL);
      const run = other.tercet.run({ name: 'buy', gid: 'a' }, (tx) =>
        tx.use(stock, { target: served.target }).reserve(book),
      );
      ids.add((await other.until(run)).runId);
      await other.expectSettled('a');
      stories.push(other.history('a').map(({ at }) => at));
      await other.close();
    }
    expect(stories[0]).toEqual(stories[1]);
    expect(stories[0]).not.toEqual(stories[2]);
    expect(ids.size).toBe(3);
  });
});
