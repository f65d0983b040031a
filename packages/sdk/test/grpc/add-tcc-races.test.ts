/**
 * Try after the decision, at the participant: each race is forced by gates, over real gRPC. Rules F1 to F4 of
 * participant/fence.ts, P1 of participant/action-call.ts.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { CLOCK_SKEW_MS_DEFAULT, outcomeOf } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import type { UnaryReply } from '@tercet/runtime';
import { type AddTccOptions, type CallContext, TccRetry } from '@tercet/sdk';
import { type BreakablePath, openPath } from '../support/breakable-path';
import { callReserve } from '../support/grpc-peer';
import { type Gate, gate } from '../support/scenario';
import { type Handlers, type ShopParticipant, startShop } from '../support/shop-participant';

let shop: ShopParticipant | undefined;
let secondPath: BreakablePath | undefined;

afterEach(async () => {
  await secondPath?.close();
  secondPath = undefined;
  await shop?.stop();
  shop = undefined;
});

/** A call whose handler has started and stays until it is let go. */
interface Held {
  readonly ctx: CallContext;
  go(): void;
}

/** A participant whose Tries stay until the test lets them go; `story` tells what handlers did. */
class HeldShop {
  readonly story: string[] = [];
  private readonly waiting: Gate<Held>[] = [];
  private readonly arrived: Held[] = [];
  private shop: ShopParticipant | undefined;

  async start(handlers: Handlers = {}, options: AddTccOptions = {}): Promise<this> {
    this.shop = await startShop(
      {
        try: async (_request, ctx) => {
          const leave = gate();
          this.arrive({ ctx, go: () => leave.open() });
          await leave.promise;
          this.story.push(`try ${ctx.attempt} ended`);
        },
        confirm: (_request, ctx) => this.story.push(`confirm ${ctx.attempt}`),
        cancel: (_request, ctx) => this.story.push(`cancel ${ctx.attempt}`),
        ...handlers,
      },
      options,
    );
    shop = this.shop;
    return this;
  }

  get peer(): ShopParticipant {
    if (this.shop === undefined) throw new Error('not started');
    return this.shop;
  }

  /** The next Try whose handler has started. */
  started(): Promise<Held> {
    const ready = this.arrived.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    const next = gate<Held>();
    this.waiting.push(next);
    return next.promise;
  }

  call(
    phase: 'try' | 'confirm' | 'cancel',
    attempt = 1,
    over: Parameters<typeof callReserve>[2] = {},
  ): Promise<UnaryReply> {
    const headers = { 'tercet-attempt': String(attempt), ...over.headers };
    return callReserve(this.peer, phase, { ...over, headers });
  }

  /** Everything that was sent before has been seen by the server: calls of one connection keep their order. */
  async reached(): Promise<void> {
    await this.call('confirm', 99, { headers: { 'tercet-branch-id': '99' } });
    this.story.splice(this.story.indexOf('confirm 99'), 1);
  }

  private arrive(held: Held): void {
    const next = this.waiting.shift();
    if (next === undefined) this.arrived.push(held);
    else next.open(held);
  }
}

/** What an initiator makes of an answer of Try. */
function meaningOf(reply: UnaryReply): string {
  return outcomeOf('tercet', 'try', reply).kind;
}

describe('a Try that arrives after its Cancel', () => {
  it('through another connection is kept out', async () => {
    const held = await new HeldShop().start();
    expect((await held.call('cancel')).code).toBe(status.OK);
    secondPath = await openPath(held.peer.address);
    const late = await callReserve({ ...held.peer, channel: secondPath.channel }, 'try');
    expect([late.code, meaningOf(late)]).toEqual([status.ABORTED, 'unknown']);
    expect(held.story).toEqual(['cancel 1']);
  });

  it('finds no moment at which neither the fence nor the time keeps it out', async () => {
    const clock = new ManualTime();
    const held = await new HeldShop().start({}, { clock });
    const notAfter = clock.now() + 2_000;
    const headers = { 'tercet-not-after': String(notAfter) };
    await held.call('cancel', 1, { headers });
    for (const at of [0, 1_999, 2_000, 2_001, 4_000, 2_000 + CLOCK_SKEW_MS_DEFAULT, 60_000]) {
      clock.jump(notAfter - 2_000 + at - clock.now());
      const late = await held.call('try', 1, { headers });
      expect([at, late.code]).toEqual([
        at,
        at <= 2_000 ? status.ABORTED : status.DEADLINE_EXCEEDED,
      ]);
    }
    expect(held.story).toEqual(['cancel 1']);
  });

  it('whose Cancel was given up before it was answered is kept out, and the Cancel comes again', async () => {
    const held = await new HeldShop().start();
    const first = held.call('try');
    const running = await held.started();
    const caller = new AbortController();
    const lost = held.call('cancel', 1, { signal: caller.signal });
    await held.reached();
    caller.abort();
    expect((await lost).code).toBe(status.CANCELLED);
    await held.reached();
    running.go();
    await first;
    expect((await held.call('try', 2)).code).toBe(status.ABORTED);
    expect((await held.call('cancel', 2)).code).toBe(status.OK);
    expect(held.story).toEqual(['try 1 ended', 'cancel 2']);
  });

  it('between two attempts is kept out: the promised repetition does not start', async () => {
    const attempts: number[] = [];
    const held = await new HeldShop().start({
      try: (_request, ctx) => {
        attempts.push(ctx.attempt);
        throw new TccRetry({ after: 10 });
      },
    });
    expect(meaningOf(await held.call('try', 1))).toBe('again');
    expect(meaningOf(await held.call('try', 2))).toBe('again');
    await held.call('cancel');
    expect(meaningOf(await held.call('try', 3))).toBe('unknown');
    expect(attempts).toEqual([1, 2]);
  });
});

describe('a Try that runs when its Cancel arrives', () => {
  it('keeps the Cancel waiting, every concurrent duplicate of it does, and none starts meanwhile', async () => {
    const held = await new HeldShop().start();
    const tries = [held.call('try', 1), held.call('try', 2)];
    const running = [await held.started(), await held.started()];
    const cancelled = held.call('cancel');
    await held.reached();
    const queued = await held.call('try', 3);
    expect([queued.code, queued.message]).toEqual([
      status.ABORTED,
      'this branch was cancelled before; the Try was not started',
    ]);
    running[0]?.go();
    expect(meaningOf(await Promise.race(tries))).toBe('done');
    await held.reached();
    expect(held.story.filter((line) => line.startsWith('cancel'))).toEqual([]);
    running[1]?.go();
    expect((await cancelled).code).toBe(status.OK);
    expect(held.story.at(-1)).toBe('cancel 1');
    expect([...held.story].sort()).toEqual(['cancel 1', 'try 1 ended', 'try 2 ended']);
  });

  it('keeps both Cancels waiting where it comes twice; both then run', async () => {
    const held = await new HeldShop().start();
    const tried = held.call('try');
    const running = await held.started();
    const cancels = [held.call('cancel', 1), held.call('cancel', 2)];
    await held.reached();
    expect(held.story).toEqual([]);
    running.go();
    expect((await Promise.all(cancels)).map(({ code }) => code)).toEqual([0, 0]);
    await tried;
    expect(held.story[0]).toBe('try 1 ended');
    expect(held.story.slice(1).sort()).toEqual(['cancel 1', 'cancel 2']);
  });

  it('holds back no Confirm or Cancel of a sibling', async () => {
    const held = await new HeldShop().start();
    const tried = held.call('try');
    const running = await held.started();
    for (const phase of ['confirm', 'cancel'] as const) {
      const reply = await held.call(phase, 1, { headers: { 'tercet-branch-id': '2' } });
      expect(reply.code).toBe(status.OK);
    }
    running.go();
    expect((await tried).code).toBe(status.OK);
  });

  it('is waited for though its answer comes after the caller’s deadline', async () => {
    const held = await new HeldShop().start();
    const lost = await held.call('try', 1, { deadlineMs: 100 });
    expect([lost.code, meaningOf(lost)]).toEqual([status.DEADLINE_EXCEEDED, 'unknown']);
    const running = await held.started();
    const cancelled = held.call('cancel');
    await held.reached();
    expect(held.story).toEqual([]);
    running.go();
    expect((await cancelled).code).toBe(status.OK);
    expect(held.story).toEqual(['try 1 ended', 'cancel 1']);
  });

  it('is waited for though its caller’s connection was lost', async () => {
    const held = await new HeldShop().start();
    secondPath = await openPath(held.peer.address);
    const lost = callReserve({ ...held.peer, channel: secondPath.channel }, 'try');
    const running = await held.started();
    const aborted = new Promise((resolve) => running.ctx.signal.addEventListener('abort', resolve));
    secondPath.breakNow();
    expect(meaningOf(await lost)).toBe('unknown');
    await aborted;
    const cancelled = held.call('cancel');
    await held.reached();
    expect(held.story).toEqual([]);
    running.go();
    expect((await cancelled).code).toBe(status.OK);
    expect(held.story).toEqual(['try 1 ended', 'cancel 1']);
  });

  it('may run on past its not-after: that bounds the start only', async () => {
    const clock = new ManualTime();
    const held = await new HeldShop().start({}, { clock });
    const headers = { 'tercet-not-after': String(clock.now() + 1_000) };
    const tried = held.call('try', 1, { headers });
    const running = await held.started();
    clock.jump(60_000);
    const cancelled = held.call('cancel', 1, { headers });
    await held.reached();
    expect(held.story).toEqual([]);
    running.go();
    expect([(await tried).code, (await cancelled).code]).toEqual([0, 0]);
    expect(held.story).toEqual(['try 1 ended', 'cancel 1']);
  });

  it('holds the fence’s place only as long as it runs', async () => {
    const held = await new HeldShop().start({}, { fenceKeysMax: 1 });
    const tried = held.call('try');
    const running = await held.started();
    const other = { headers: { 'tercet-branch-id': '2' } };
    expect((await held.call('cancel', 1, other)).code).toBe(status.RESOURCE_EXHAUSTED);
    running.go();
    await tried;
    expect((await held.call('cancel', 2, other)).code).toBe(status.OK);
  });
});

describe('attempts that overlap', () => {
  it('of every phase reach the handler each: it has to bear duplicates', async () => {
    const both = gate();
    let inside = 0;
    const meet = async (): Promise<void> => {
      inside += 1;
      if (inside === 2) both.open();
      await both.promise;
    };
    const held = await new HeldShop().start({ try: meet, confirm: meet, cancel: meet });
    for (const phase of ['try', 'confirm', 'cancel'] as const) {
      inside = 0;
      const replies = await Promise.all([held.call(phase, 1), held.call(phase, 2)]);
      expect(replies.map(({ code }) => code)).toEqual([0, 0]);
      expect(inside).toBe(2);
    }
  });
});
