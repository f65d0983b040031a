/** What faults do to calls, over sockets and within the process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { TryRejectedError, TryUnknownError } from '@tercet/sdk';
import { type RecordedCall, type TestCoordinator, createTestCoordinator } from '../src';
import { Shelf, guarded } from './support/shelf';
import { StockTccService, stock } from './support/stock-service';

describe.each([
  ['over sockets', false],
  ['within the process', true],
])('faults %s', (_, inProcess) => {
  let env: TestCoordinator;
  let shelf: Shelf;
  let target = '';

  beforeEach(async () => {
    env = await createTestCoordinator({ inProcess });
    shelf = new Shelf();
    ({ target } = await env.serve(guarded, shelf.handlers));
  });
  afterEach(() => env.close());

  /** Runs to its end; what `run` rejected with, or its status. */
  async function bought(gid: string, definition = guarded): Promise<unknown> {
    const run = env.tercet.run({ name: 'buy', gid }, (tx) =>
      tx.use(definition, { target }).reserve({ sku: 'book', quantity: 1 }),
    );
    const end = await env.until(
      run.then(
        ({ status: ended }) => ended,
        (error: unknown) => error,
      ),
    );
    await env.expectSettled(gid);
    return end;
  }

  const told = (calls: readonly RecordedCall[]) =>
    calls.map(({ phase, sent, fault, answer }) => [phase, sent, fault, answer?.status]);

  it('fail a Try with a verdict: refused, and cancelled', async () => {
    const verdict = { verdict: 'reject', message: 'sold out' } as const;
    env.faults.on(guarded, 'reserve', 'try').failTimes(1, status.FAILED_PRECONDITION, verdict);
    const end = await bought('a');
    expect((end as Error).cause).toBeInstanceOf(TryRejectedError);
    expect(String((end as Error).cause)).toContain('sold out');
    expect(shelf.story).toEqual(['cancel 1']);
  });

  it('fail as often as said, one after the other in the order of the script', async () => {
    env.faults
      .on(guarded, 'reserve', 'confirm')
      .failTimes(2, status.UNAVAILABLE)
      .failTimes(1, status.ABORTED, { message: 'later' });
    expect(await bought('a')).toBe('confirmed');
    expect(env.history('a').map(({ answer, sent }) => [answer?.status, sent])).toEqual([
      ['OK', 1],
      ['UNAVAILABLE', 0],
      ['UNAVAILABLE', 0],
      ['ABORTED', 0],
      ['OK', 1],
    ]);
    expect(shelf.story).toEqual(['try 1', 'confirm 1']);
  });

  it('drop the answer of a call that was carried out', async () => {
    env.faults.on(StockTccService.reserveConfirm).dropReply(2);
    expect(await bought('a')).toBe('confirmed');
    expect(shelf.story).toEqual(['try 1', 'confirm 1', 'confirm 1', 'confirm 1']);
    expect(told(env.history('a')).slice(1)).toEqual([
      ['confirm', 1, 'answer dropped', 'UNAVAILABLE'],
      ['confirm', 1, 'answer dropped', 'UNAVAILABLE'],
      ['confirm', 1, undefined, 'OK'],
    ]);
  });

  it('duplicate calls of every phase', async () => {
    env.faults.on(guarded, 'reserve').duplicate(Number.POSITIVE_INFINITY);
    expect(await bought('a')).toBe('confirmed');
    expect(shelf.story).toEqual(['try 1', 'try 1', 'confirm 1', 'confirm 1']);
  });

  it('delay a call in virtual time, its deadline included', async () => {
    const before = env.clock.now();
    env.faults.on(guarded, 'reserve', 'confirm').delay('3s').delay('6s');
    expect(await bought('a')).toBe('confirming');
    const [, first] = env.history('a');
    expect(first).toMatchObject({ at: before, endedAt: before + 3_000, answer: { status: 'OK' } });
    env.faults.clear();
    env.faults.on(guarded, 'reserve', 'confirm').delay('6s');
    expect(await bought('b')).toBe('confirming');
    expect(told(env.history('b'))).toEqual([
      ['try', 1, undefined, 'OK'],
      ['confirm', 0, 'delayed by 6000 ms', 'DEADLINE_EXCEEDED'],
      ['confirm', 1, undefined, 'OK'],
    ]);
  });

  it('hang without keeping virtual time waiting', async () => {
    env.faults.on(guarded, 'reserve', 'try').hang();
    expect((await bought('a')) as Error).toMatchObject({ cause: expect.any(TryUnknownError) });
    expect(told(env.history('a'))).toEqual([
      ['try', 0, 'hangs', 'DEADLINE_EXCEEDED'],
      ['cancel', 1, undefined, 'OK'],
    ]);
  });

  it('let Cancel overtake its Try', async () => {
    env.faults.on(guarded, 'reserve', 'try').reorderCancelBeforeTry();
    await bought('a');
    // Nobody keeps it out here but the fence of addTcc: the Try arrives in time, after its Cancel.
    expect(shelf.story).toEqual(['cancel 1']);
    expect(told(env.history('a'))).toEqual([
      ['try', 0, 'held until its Cancel was answered', 'UNAVAILABLE'],
      ['cancel', 1, undefined, 'OK'],
      ['try', 1, 'arrives after its Cancel', 'ABORTED'],
    ]);
  });

  it('let a Try that is late by the clock be refused by it', async () => {
    env.faults.on(stock, 'reserve', 'try').reorderCancelBeforeTry();
    env.faults.on(stock, 'reserve', 'cancel').failTimes(12, status.INTERNAL);
    await bought('a', stock);
    const late = env.history('a').at(-1);
    expect(late?.answer).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
    expect(late?.answer?.message).toContain('had to start');
  });

  it('end with clear', async () => {
    const script = env.faults.on(guarded, 'reserve', 'confirm').hang(Number.POSITIVE_INFINITY);
    script.clear();
    expect(await bought('a')).toBe('confirmed');
    env.faults.on(guarded, 'reserve', 'try').failTimes(5, status.INTERNAL);
    env.faults.clear();
    expect(await bought('b')).toBe('confirmed');
  });

  it('act on nested branches, too', async () => {
    const inner = new Shelf();
    const innerTarget = (await env.serve(stock, inner.handlers)).target;
    const outer = new Shelf();
    outer.hooks.try = async (request, ctx) => {
      await ctx.use(stock, { target: innerTarget }).reserve(request);
    };
    ({ target } = await env.serve(guarded, outer.handlers, { tercet: env.tercet }));
    env.faults.on(stock, 'reserve', 'confirm').failTimes(3, status.UNAVAILABLE);
    await bought('a');
    expect(inner.story).toEqual(['try 1.1', 'confirm 1.1']);
    expect(outer.story).toEqual(['try 1', 'confirm 1']);
  });
});
