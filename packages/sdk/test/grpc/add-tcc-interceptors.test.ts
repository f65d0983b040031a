/** Interceptors of a participant (rules C1 to C3 of participant/interceptors.ts), over real gRPC. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { ManualTime } from '@tercet/core/testing';
import {
  type AddTccOptions,
  type InterceptedCall,
  type ParticipantInterceptor,
  TccReject,
  TccRetry,
  addTcc,
  currentTransaction,
} from '@tercet/sdk';
import { callReserve, startPeer } from '../support/grpc-peer';
import { gate } from '../support/scenario';
import {
  type Handlers,
  type ShopParticipant,
  charging,
  startShop,
  stock,
} from '../support/shop-participant';
import { ShopTccService } from '../support/shop-service';

let shop: ShopParticipant | undefined;

afterEach(async () => {
  await shop?.stop();
  shop = undefined;
});

async function aShop(
  interceptors: readonly ParticipantInterceptor[],
  handlers: Handlers = {},
  options: AddTccOptions = {},
): Promise<ShopParticipant> {
  shop = await startShop(handlers, { interceptors, ...options });
  return shop;
}

function reservationOf(reply: { payload: Uint8Array | undefined }): string {
  const bytes = Buffer.from(reply.payload ?? []);
  return ShopTccService.reserveTry.responseDeserialize(bytes).reservationId;
}

describe('interceptors of a participant', () => {
  it('see every phase with its context and request, the first one outermost, and the reply', async () => {
    const story: unknown[] = [];
    const named = (name: string): ParticipantInterceptor => ({
      async handle({ ctx, service, request }, next) {
        story.push([name, ctx.phase, ctx.gid, ctx.branchId, ctx.attempt, service, request]);
        const reply = await next();
        story.push([name, reply]);
        return reply;
      },
    });
    const peer = await aShop([named('outer'), named('inner')]);
    expect(reservationOf(await callReserve(peer, 'try'))).toBe('r-tea');
    const request = { sku: 'tea', quantity: 2 };
    const seen = ['try', 'order-1', '1', 1, 'shop.ShopTcc', request];
    const reply = { reservationId: 'r-tea' };
    expect(story).toEqual([
      ['outer', ...seen],
      ['inner', ...seen],
      ['inner', reply],
      ['outer', reply],
    ]);
    for (const phase of ['confirm', 'cancel'] as const) {
      story.length = 0;
      const answer = await callReserve(peer, phase);
      expect([answer.code, answer.payload?.length]).toEqual([status.OK, 0]);
      expect(story[0]).toEqual(['outer', phase, ...seen.slice(1)]);
    }
  });

  it('run in the transaction’s scope, like the handler', async () => {
    const scopes: unknown[] = [];
    const note = (): void => void scopes.push(currentTransaction());
    const peer = await aShop([{ handle: (_call, next) => (note(), next()) }], { confirm: note });
    await callReserve(peer, 'confirm');
    const scope = { gid: 'order-1', runId: 'a'.repeat(32), branchId: '1', phase: 'confirm' };
    expect(scopes).toMatchObject([scope, scope]);
  });

  it('see the verdict that the handler threw, and pass it on where they return nothing (C2)', async () => {
    const seen: unknown[] = [];
    const peer = await aShop(
      [
        {
          async handle(_call, next) {
            await next().catch((error: unknown) => seen.push(error));
          },
        },
        { handle: (_call, next) => void next() },
      ],
      { try: (_request, ctx) => ctx.reject('sold out', { left: 0 }) },
    );
    const reply = await callReserve(peer, 'try');
    expect(reply).toMatchObject({ code: 9, verdict: 'reject', message: 'sold out' });
    expect(seen).toEqual([expect.any(TccReject)]);
  });

  it('answer in the handler’s place by what they throw or return (C2)', async () => {
    const calls: string[] = [];
    const errors: unknown[] = [];
    const handlers = { try: () => calls.push('try'), confirm: () => calls.push('confirm') };
    const broken = new Error('no tenant');
    let handle: ParticipantInterceptor['handle'] = () => undefined;
    const peer = await aShop([{ handle: (call, next) => handle?.(call, next) }], handlers, {
      onError: (error) => errors.push(error),
    });
    handle = () => {
      throw new TccRetry({ after: 20 });
    };
    expect(await callReserve(peer, 'try')).toMatchObject({ verdict: 'retry', retryAfterMs: 20 });
    handle = () => Promise.reject(broken);
    expect(await callReserve(peer, 'try')).toMatchObject({ code: 2, message: 'no tenant' });
    expect(errors).toEqual([broken]);
    handle = () => ({ reservationId: 'from a cache' });
    expect(reservationOf(await callReserve(peer, 'try'))).toBe('from a cache');
    expect(calls).toEqual([]);
    handle = async (_call, next) => {
      await next().catch(() => undefined);
      return { reservationId: 'another' };
    };
    expect(reservationOf(await callReserve(peer, 'try'))).toBe('another');
    expect(calls).toEqual(['try']);
  });

  it('cannot answer by omission: Confirm without next is no OK (C2)', async () => {
    const calls: string[] = [];
    const peer = await aShop([{ handle: () => undefined }], { confirm: () => calls.push('x') });
    const reply = await callReserve(peer, 'confirm');
    expect(reply.code).toBe(status.UNKNOWN);
    expect(reply.message).toContain(
      'neither called next nor returned a reply for confirm of reserve',
    );
    expect(calls).toEqual([]);
  });

  it('run the handler once, however often they call next, and never after they ended (C3)', async () => {
    const calls: string[] = [];
    const again: unknown[] = [];
    const kept: (() => Promise<unknown>)[] = [];
    const peer = await aShop(
      [
        {
          async handle(_call, next) {
            kept.push(next);
            const reply = await next();
            await next().catch((error: unknown) => again.push(error));
            return reply;
          },
        },
      ],
      { try: () => calls.push('try') },
    );
    expect((await callReserve(peer, 'try')).code).toBe(status.OK);
    await expect(kept[0]?.()).rejects.toThrow('called next after it had ended');
    expect(again).toMatchObject([
      { code: 'CONFIG_INVALID', message: expect.stringContaining('called next twice') },
    ]);
    expect(calls).toEqual(['try']);
  });

  it('that do not await the handler do not make its answer leave early (C3)', async () => {
    const story: string[] = [];
    const work = gate();
    const started = gate();
    const peer = await aShop(
      [
        {
          handle(_call, next) {
            void next();
            return { reservationId: 'early' };
          },
        },
      ],
      {
        try: async () => {
          started.open();
          await work.promise;
          story.push('try ended');
        },
        cancel: () => story.push('cancel'),
      },
    );
    const tried = callReserve(peer, 'try').then((reply) => story.push(reservationOf(reply)));
    await started.promise;
    const cancelled = callReserve(peer, 'cancel');
    await callReserve(peer, 'confirm', { headers: { 'tercet-branch-id': '2' } });
    expect(story).toEqual([]);
    work.open();
    await Promise.all([tried, cancelled]);
    expect(story[0]).toBe('try ended');
    expect([...story].sort()).toEqual(['cancel', 'early', 'try ended']);
  });

  it('see only calls that start: none past its time, after its Cancel, malformed or drained (C1)', async () => {
    const clock = new ManualTime();
    const seen: InterceptedCall[] = [];
    const handle: ParticipantInterceptor['handle'] = (call, next) => {
      seen.push(call);
      return next();
    };
    const peer = await aShop([{ handle }], {}, { clock });
    const past = { 'tercet-not-after': String(clock.now() - 1) };
    expect((await callReserve(peer, 'try', { headers: past })).code).toBe(4);
    expect((await callReserve(peer, 'try', { headers: { 'tercet-gid': undefined } })).code).toBe(3);
    expect(seen).toEqual([]);
    await callReserve(peer, 'cancel');
    expect((await callReserve(peer, 'try')).code).toBe(status.ABORTED);
    await peer.service.drain();
    expect((await callReserve(peer, 'confirm')).code).toBe(status.UNAVAILABLE);
    expect(seen.map(({ ctx }) => ctx.phase)).toEqual(['cancel']);
  });

  it('must be objects with a function, and options must be known', async () => {
    const untyped = addTcc as (...given: unknown[]) => unknown;
    const reserving = { try: () => ({}), confirm: () => {}, cancel: () => {} };
    const handlers = { reserve: reserving, charge: charging, count: () => {} };
    const wrong: readonly [unknown, RegExp][] = [
      [{ interceptors: [{ handle: 'log' }] }, /interceptors must be an array of objects/],
      [
        { interceptors: [{ handel() {} }] },
        /array of objects with a function handle\(call, next\)/,
      ],
      [{ interceptors: [{}] }, /array of objects with a function handle\(call, next\)/],
      [{ interceptors: () => undefined }, /interceptors must be an array of objects/],
      [{ interceptor: [] }, /unknown interceptor \(did you mean interceptors\?\)/],
      [{ tercet: 'localhost:8420' }, /tercet must be a client made by createTercet/],
      [{ tercet: {} }, /tercet must be a client made by createTercet/],
    ];
    const peer = await startPeer((server) => {
      for (const [options, message] of wrong) {
        expect(() => untyped(server, [stock], handlers, options)).toThrow(message);
      }
    });
    await peer.stop();
  });
});
