/** Rules L1 and L2 of participant/incoming-call.ts, and E2 of deliver-stream.ts: signals and deadlines of commands. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { Scheduler } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import { systemScheduler } from '@tercet/runtime';
import type { CallContext } from '@tercet/sdk';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { gate } from '../support/scenario';
import { type Handlers, type ShopParticipant, startShop } from '../support/shop-participant';

let shop: ShopParticipant | undefined;
let client: DeliverClient | undefined;

afterEach(async () => {
  client?.close();
  await shop?.stop();
  client = undefined;
  shop = undefined;
});

/** Clock and timers stand still; turns of the event loop are the machine's. */
const time = new ManualTime();
const scheduler: Scheduler = {
  after: (ms, work) => time.after(ms, work),
  soon: (work) => systemScheduler.soon(work),
};

async function stream(handlers: Handlers): Promise<DeliverClient> {
  shop = await startShop(handlers, { clock: time, scheduler });
  client = new DeliverClient(shop.address);
  await client.hello();
  return client;
}

/** A Try that stays; its signal may be looked at. */
class HeldTry {
  readonly started = gate<CallContext>();
  readonly ended = gate<void>();
  readonly work = gate<void>();

  readonly handler = async (_request: unknown, ctx: CallContext): Promise<void> => {
    this.started.open(ctx);
    await this.work.promise;
    this.ended.open();
  };
}

const gaveUp = { code: 'CALL_CANCELLED', message: 'the caller gave up or its deadline passed' };
const notAfterUnixMs = 4_000_000_000_000n;

describe('a command that its caller gives up', () => {
  it('sees its signal abort, and gets no outcome though its handler ends', async () => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    caller.send(aCommand(1, 'try', { notAfterUnixMs }));
    const { signal } = await held.started.promise;
    const aborted = gate<void>();
    signal.addEventListener('abort', () => aborted.open());
    caller.write({ givenUpIds: [1] });
    await aborted.promise;
    expect(signal.reason).toMatchObject(gaveUp);
    held.work.open();
    await held.ended.promise;
    await caller.call('confirm', { branchId: '2' });
    expect(caller.outcomes.map(({ id }) => id)).not.toContain(1);
    expect(time.pending).toBe(0);
  });

  it('finds it aborted though it looks at it only then', async () => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    caller.send(aCommand(1, 'try'));
    const ctx = await held.started.promise;
    caller.write({ givenUpIds: [1, 99] });
    await caller.call('confirm', { branchId: '2' });
    expect(ctx.signal.aborted).toBe(true);
    expect(ctx.signal.reason).toMatchObject(gaveUp);
    held.work.open();
  });

  it('frees its id for a command of the same message', async () => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    caller.send(aCommand(1, 'try'));
    const { signal } = await held.started.promise;
    caller.write({ commands: [aCommand(1, 'confirm', { branchId: '2' })], givenUpIds: [1] });
    expect((await caller.outcome(1)).reply).toHaveLength(0);
    expect(signal.aborted).toBe(true);
    held.work.open();
    await held.ended.promise;
    await caller.call('confirm', { branchId: '3' });
    expect(caller.outcomes.filter(({ id }) => id === 1)).toHaveLength(1);
  });

  it('while its Cancel waits for a Try does not start', async () => {
    const held = new HeldTry();
    const started: string[] = [];
    const caller = await stream({ try: held.handler, cancel: () => void started.push('cancel') });
    caller.send(aCommand(1, 'try'));
    await held.started.promise;
    caller.send(aCommand(2, 'cancel'));
    caller.write({ givenUpIds: [2] });
    await caller.call('confirm', { branchId: '2' });
    held.work.open();
    await caller.outcome(1);
    expect(started).toEqual([]);
    expect((await caller.call('cancel', { attempt: 2 })).grpcCode).toBe(status.OK);
    expect(started).toEqual(['cancel']);
  });
});

describe('the deadline of a command', () => {
  it('is what ctx says, by the participant’s clock, and aborts the signal', async () => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    caller.send(aCommand(1, 'try', { deadlineMs: 700 }));
    const { deadline, signal } = await held.started.promise;
    expect(deadline).toBe(time.now() + 700);
    await time.advance(699);
    expect(signal.aborted).toBe(false);
    await time.advance(1);
    expect(signal.reason).toMatchObject(gaveUp);
    held.work.open();
    expect(await caller.outcome(1)).toMatchObject({
      grpcCode: status.DEADLINE_EXCEEDED,
      message: 'Deadline exceeded',
    });
  });

  it('that nobody looked at takes nothing from an answer: its caller keeps it, too', async () => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    caller.send(aCommand(1, 'try', { deadlineMs: 700 }));
    await held.started.promise;
    await time.advance(700);
    held.work.open();
    expect((await caller.outcome(1)).grpcCode).toBe(status.OK);
  });

  it('that has passed when the handler looks has aborted the signal', async () => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    caller.send(aCommand(1, 'try', { deadlineMs: 700 }));
    const ctx = await held.started.promise;
    await time.advance(700);
    expect(time.pending).toBe(0);
    expect(ctx.signal.aborted).toBe(true);
    held.work.open();
    expect((await caller.outcome(1)).grpcCode).toBe(status.DEADLINE_EXCEEDED);
  });

  it('passing while Cancel waits for a Try keeps the Cancel from starting', async () => {
    const held = new HeldTry();
    const started: string[] = [];
    const caller = await stream({ try: held.handler, cancel: () => void started.push('cancel') });
    caller.send(aCommand(1, 'try'), aCommand(2, 'cancel', { deadlineMs: 100 }));
    await held.started.promise;
    await time.advance(100);
    held.work.open();
    expect(await caller.outcome(2)).toMatchObject({
      grpcCode: status.CANCELLED,
      message: 'given up while the Try of this branch was still running',
    });
    expect(started).toEqual([]);
  });

  it('costs no timer where nobody looks at the signal, and none after the end (L2)', async () => {
    const seen: AbortSignal[] = [];
    const caller = await stream({ confirm: (_request, ctx) => void seen.push(ctx.signal) });
    const held = new HeldTry();
    await caller.call('try');
    expect(time.pending).toBe(0);
    await caller.call('confirm', { deadlineMs: 50 });
    expect(time.pending).toBe(0);
    await time.advance(1_000);
    expect(seen.map(({ aborted }) => aborted)).toEqual([false]);
    held.work.open();
  });
});

describe('a stream that breaks', () => {
  it.each([
    ['is cancelled by its caller', (caller: DeliverClient) => caller.cancel()],
    ['is lost with its connection', (caller: DeliverClient) => caller.close()],
  ])('and %s aborts the signals of its commands; other streams go on', async (_how, breakIt) => {
    const held = new HeldTry();
    const caller = await stream({ try: held.handler });
    const other = new DeliverClient(shop?.address ?? '');
    caller.send(aCommand(1, 'try'));
    const { signal } = await held.started.promise;
    const aborted = gate<void>();
    signal.addEventListener('abort', () => aborted.open());
    breakIt(caller);
    await aborted.promise;
    expect(signal.reason).toMatchObject(gaveUp);
    expect(time.pending).toBe(0);
    held.work.open();
    await held.ended.promise;
    expect((await other.call('confirm')).grpcCode).toBe(status.OK);
    other.close();
  });

  it('keeps the fence: a Cancel on another stream waits for its Try', async () => {
    const held = new HeldTry();
    const story: string[] = [];
    const caller = await stream({ try: held.handler, cancel: () => void story.push('cancel') });
    caller.send(aCommand(1, 'try'));
    const { signal } = await held.started.promise;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    const other = new DeliverClient(shop?.address ?? '');
    await other.hello();
    caller.cancel();
    await aborted;
    other.send(aCommand(1, 'cancel'));
    await other.call('confirm', { branchId: '2' });
    expect(story).toEqual([]);
    held.work.open();
    expect((await other.outcome(1)).grpcCode).toBe(status.OK);
    expect(story).toEqual(['cancel']);
    other.close();
  });
});
