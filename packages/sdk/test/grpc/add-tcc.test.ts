/** Participants over real gRPC: what handlers see and what callers get. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Server, status } from '@grpc/grpc-js';
import { outcomeOf } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import { metadataOf, textOf } from '@tercet/runtime';
import {
  type AddTccOptions,
  type CallContext,
  ConfigError,
  TccPark,
  TccReject,
  TccRetry,
  type TccService,
  addTcc,
  createTercet,
  defineTcc,
} from '@tercet/sdk';
import { type Peer, callReserve, startPeer } from '../support/grpc-peer';
import { gate } from '../support/scenario';
import {
  type Handler,
  type Handlers,
  charge,
  charging,
  count,
  payment,
  reserve,
  startShop,
  stock,
  throwing,
} from '../support/shop-participant';
import { ShopTccService } from '../support/shop-service';

let peer: Peer | undefined;
let service: TccService | undefined;

afterEach(async () => {
  await peer?.stop();
  peer = undefined;
});

/** A participant with the given handlers of `reserve`; stopped after the test. */
async function participant(handlers: Handlers, options: AddTccOptions = {}): Promise<Peer> {
  const started = await startShop(handlers, options);
  service = started.service;
  peer = started;
  return started;
}

describe('a call of an action', () => {
  it('reaches the handler with everything that the caller told, and brings its reply back', async () => {
    const seen: CallContext[] = [];
    const shop = await participant({ try: (_request, ctx) => void seen.push(ctx) });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const reply = await callReserve(shop, 'try', { headers: { traceparent, tenant: 'blue' } });
    expect(reply.code).toBe(status.OK);
    expect(ShopTccService.reserveTry.responseDeserialize(Buffer.from(reply.payload ?? []))).toEqual(
      {
        reservationId: 'r-tea',
      },
    );
    const [ctx] = seen;
    expect(ctx).toMatchObject({
      gid: 'order-1',
      runId: 'a'.repeat(32),
      branchId: '1',
      action: 'reserve',
      phase: 'try',
      attempt: 1,
      notAfter: 4_000_000_000_000,
      traceparent,
    });
    expect(textOf(ctx?.metadata ?? metadataOf({}), 'tenant')).toBe('blue');
    expect(ctx?.deadline).toBeGreaterThan(1_700_000_000_000);
    // grpc-js reports the end of every call as a cancellation; that is not one.
    await callReserve(shop, 'confirm');
    expect(ctx?.signal.aborted).toBe(false);
  });

  it('of Confirm or Cancel that returns nothing is answered with an empty message', async () => {
    const shop = await participant({});
    for (const phase of ['confirm', 'cancel'] as const) {
      const reply = await callReserve(shop, phase);
      expect([reply.code, reply.payload?.length]).toEqual([status.OK, 0]);
    }
  });

  it('needs Tercet’s metadata', async () => {
    const shop = await participant({});
    const wrong: readonly [Readonly<Record<string, string | undefined>>, RegExp][] = [
      [{ 'tercet-gid': undefined }, /tercet-gid is missing/],
      [{ 'tercet-run-id': 'x' }, /run_id must be/],
      [{ 'tercet-branch-id': undefined }, /tercet-branch-id is missing/],
      [{ 'tercet-attempt': 'two' }, /tercet-attempt must be a whole number/],
      [{ 'tercet-not-after': undefined }, /tercet-not-after is missing/],
      [{ 'tercet-phase': 'cancel' }, /tercet-phase must be try for this method, got cancel/],
    ];
    for (const [headers, message] of wrong) {
      const reply = await callReserve(shop, 'try', { headers });
      expect(reply.code).toBe(status.INVALID_ARGUMENT);
      expect(reply.message).toMatch(message);
    }
    const confirm = await callReserve(shop, 'confirm', {
      headers: { 'tercet-not-after': undefined },
    });
    expect(confirm.code).toBe(status.OK);
  });

  it('leaves ordinary methods of the service to plain handlers', async () => {
    const shop = await participant({});
    const { path, responseDeserialize } = ShopTccService.count;
    const request = { payload: new Uint8Array(), metadata: metadataOf({}), deadlineMs: 5_000 };
    const reply = await shop.channel.call({ method: path, ...request });
    expect(responseDeserialize(Buffer.from(reply.payload ?? []))).toEqual({ count: 3 });
  });

  it('sees its own deadline and the caller’s giving up as an abort', async () => {
    const started = { try: gate<void>(), confirm: gate<void>() };
    const ended = { try: gate<unknown>(), confirm: gate<unknown>() };
    const untilAbort = async (phase: 'try' | 'confirm', { signal }: CallContext): Promise<void> => {
      started[phase].open();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended[phase].open(signal.reason);
    };
    const shop = await participant({
      try: (_request, ctx) => untilAbort('try', ctx),
      confirm: (_request, ctx) => untilAbort('confirm', ctx),
    });
    const late = await callReserve(shop, 'try', { deadlineMs: 50 });
    expect(late.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await ended.try.promise).toMatchObject({ code: 'CALL_CANCELLED' });
    const caller = new AbortController();
    const call = callReserve(shop, 'confirm', { signal: caller.signal });
    await started.confirm.promise;
    caller.abort();
    expect((await call).code).toBe(status.CANCELLED);
    expect(await ended.confirm.promise).toMatchObject({ code: 'CALL_CANCELLED' });
  });
});

describe('ctx.use', () => {
  const useIt: Handler = (_request, ctx) => void ctx.use(stock, { target: 'other:1' });

  it('needs a client, and says how to give one', async () => {
    const shop = await participant({ try: useIt });
    expect(await callReserve(shop, 'try')).toMatchObject({
      code: status.UNKNOWN,
      message:
        'ctx.use: it needs a client: addTcc(server, definition, handlers, { tercet }), where tercet was made by createTercet',
    });
  });

  it('is for Try only: Confirm and Cancel add no branches', async () => {
    const tercet = createTercet();
    const shop = await participant({ try: useIt, confirm: useIt, cancel: useIt }, { tercet });
    expect((await callReserve(shop, 'try')).code).toBe(status.OK);
    for (const phase of ['confirm', 'cancel'] as const) {
      expect(await callReserve(shop, phase)).toMatchObject({
        code: status.UNKNOWN,
        message: `ctx.use: only the handler of a Try can add branches, this is ${phase} of reserve; call run for a transaction of its own`,
      });
    }
    await tercet.close();
  });

  it('checks what it is given', async () => {
    const tercet = createTercet();
    const shop = await participant(
      { try: (_request, ctx) => void ctx.use(stock, { target: '' }) },
      { tercet },
    );
    expect((await callReserve(shop, 'try')).message).toContain('target must be the gRPC address');
    await shop.stop();
    const service = ShopTccService as unknown as typeof stock;
    const other = await participant(
      { try: (_request, ctx) => void ctx.use(service, { target: 'other:1' }) },
      { tercet },
    );
    expect((await callReserve(other, 'try')).message).toContain(
      'use takes what defineTcc made, got a generated service',
    );
    await tercet.close();
  });
});

describe('a verdict', () => {
  it('of Try travels with its trailers and is read as what it means', async () => {
    const cases: readonly [unknown, string, object][] = [
      [
        new TccReject('sold out', { left: 0 }),
        'refused',
        { verdict: 'reject', message: 'sold out' },
      ],
      [
        new TccRetry({ after: '1.5s', reason: 'busy' }),
        'again',
        { verdict: 'retry', retryAfterMs: 1_500 },
      ],
      [new TccRetry(), 'again', { verdict: 'retry', retryAfterMs: undefined }],
      [new TccPark('look at it'), 'unknown', { verdict: 'park', message: 'look at it' }],
    ];
    for (const [error, kind, expected] of cases) {
      const shop = await participant({ try: throwing(error) });
      const reply = await callReserve(shop, 'try');
      expect(reply).toMatchObject({ code: status.FAILED_PRECONDITION, ...expected });
      expect(outcomeOf('tercet', 'try', reply).kind).toBe(kind);
      await shop.stop();
    }
  });

  it('can be given through the context', async () => {
    const give: readonly [Handler, string][] = [
      [(_request, ctx) => ctx.reject('no', { why: 'because' }), 'reject'],
      [(_request, ctx) => ctx.retry({ after: 10 }), 'retry'],
      [(_request, ctx) => ctx.park('hm'), 'park'],
    ];
    for (const [handler, verdict] of give) {
      const shop = await participant({ confirm: handler });
      expect(await callReserve(shop, 'confirm')).toMatchObject({ code: 9, verdict });
      await shop.stop();
    }
  });

  it('of reject carries its details as JSON, left out where they are too large or cannot be written', async () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const cases: readonly [unknown, unknown][] = [
      [
        { left: 0, cents: 12n },
        { left: 0, cents: '12' },
      ],
      [undefined, undefined],
      ['x'.repeat(5_000), undefined],
      [circular, undefined],
    ];
    for (const [details, received] of cases) {
      const shop = await participant({ try: throwing(new TccReject('no', details)) });
      const reply = await callReserve(shop, 'try');
      const [bytes] = reply.trailers.get('tercet-reject-details-bin');
      const read: unknown = bytes === undefined ? undefined : JSON.parse(bytes.toString());
      expect(read).toEqual(received);
      expect(reply.verdict).toBe('reject');
      await shop.stop();
    }
  });

  it('in Confirm and Cancel is sent as it was given', async () => {
    const shop = await participant({
      confirm: throwing(new TccReject('never')),
      cancel: throwing(new TccPark('by hand')),
    });
    expect(await callReserve(shop, 'confirm')).toMatchObject({ code: 9, verdict: 'reject' });
    expect(await callReserve(shop, 'cancel')).toMatchObject({ code: 9, verdict: 'park' });
  });

  it('refuses a malformed delay where it is made', () => {
    expect(() => new TccRetry({ after: '3' as '3s' })).toThrow(ConfigError);
  });
});

describe('any other error of a handler', () => {
  it('is UNKNOWN with its message, never its stack, and is told to onError', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown, ctx: CallContext): void => {
      errors.push([error, ctx.branchId]);
      throw new Error('a hook that fails changes nothing');
    };
    const cases: readonly [unknown, string][] = [
      [new Error('disk full'), 'disk full'],
      [new TypeError(''), 'TypeError'],
      ['a text', 'a text'],
      [undefined, 'the handler threw undefined, which is no Error'],
      [null, 'the handler threw null, which is no Error'],
      [{ code: 5 }, 'the handler threw an object that is no Error'],
      [7, 'the handler threw a number that is no Error'],
      [Object.assign(new Error('teapot'), { code: status.UNIMPLEMENTED }), 'teapot'],
    ];
    for (const [error, message] of cases) {
      const shop = await participant({ try: throwing(error) }, { onError });
      const reply = await callReserve(shop, 'try');
      expect([reply.code, reply.message, reply.verdict]).toEqual([
        status.UNKNOWN,
        message,
        undefined,
      ]);
      await shop.stop();
    }
    expect(errors).toEqual(cases.map(([error]) => [error, '1']));
  });

  // Each of these once ended the process: grpc-js throws for a text that is not well-formed.
  it('is answered whatever was thrown, and the process lives', async () => {
    const odd = (message: unknown): Error => Object.assign(new Error('x'), { message });
    const secret = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('no message');
      },
    });
    const cases: readonly [unknown, number, string][] = [
      [new Error(`${'x'.repeat(1_023)}😀 tail`), status.UNKNOWN, 'x'.repeat(1_023)],
      [new Error('half \uD83D of a pair'), status.UNKNOWN, 'half \uFFFD of a pair'],
      ['half \uDE00 of a pair', status.UNKNOWN, 'half \uFFFD of a pair'],
      [new TccReject('half \uD83D', 'half \uD83D'), status.FAILED_PRECONDITION, 'half \uFFFD'],
      [odd({ a: 1 }), status.UNKNOWN, '[object Object]'],
      [odd(undefined), status.UNKNOWN, 'undefined'],
      [odd(Object.create(null)), status.UNKNOWN, '\uFFFD'],
      [undefined, status.UNKNOWN, 'the handler threw undefined, which is no Error'],
      [secret, status.INTERNAL, 'this call could not be answered'],
    ];
    let next: unknown;
    const shop = await participant({
      try: () => {
        throw next;
      },
    });
    for (const [error, code, message] of cases) {
      next = error;
      const reply = await callReserve(shop, 'try');
      expect([reply.code, reply.message]).toEqual([code, message]);
    }
    await service?.drain();
  });

  it('is answered though onError rejects, and never waits for it', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    const never = gate<void>();
    const shop = await participant(
      { try: throwing(new Error('disk full')), confirm: throwing(new Error('disk full')) },
      {
        onError: async (_error, ctx) => {
          if (ctx.phase === 'confirm') await never.promise;
          throw new Error('the log is away');
        },
      },
    );
    for (const phase of ['try', 'confirm'] as const) {
      expect((await callReserve(shop, phase)).message).toBe('disk full');
    }
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });

  it('leaves in less than 8 KiB of headers, however much there is to say', async () => {
    const most = new TccReject('価'.repeat(1_000), 'x'.repeat(4_094));
    const shop = await participant({ try: throwing(most) });
    const reply = await callReserve(shop, 'try');
    expect(reply.message).toBe('価'.repeat(227));
    expect(reply.trailers.get('tercet-reject-details-bin')[0]).toHaveLength(4_096);
    const headers: [string, string][] = Object.entries(reply.trailers.toHttp2Headers()).map(
      ([key, value]) => [key, String(value)],
    );
    const all = [...headers, ['grpc-message', encodeURI(reply.message)], ['grpc-status', '9']];
    const bytes = all.reduce((sum, pair) => sum + pair.join('').length + 32, 0);
    expect(bytes).toBeGreaterThan(7_000);
    expect(bytes).toBeLessThan(8_192 - 256);
  });

  it('is not told where it is a verdict', async () => {
    const errors: unknown[] = [];
    const shop = await participant(
      { try: throwing(new TccReject('no')) },
      { onError: (error) => errors.push(error) },
    );
    await callReserve(shop, 'try');
    expect(errors).toEqual([]);
  });
});

describe('a Try that comes too late', () => {
  it('is refused by the participant’s clock, without grace', async () => {
    const clock = new ManualTime();
    const started: string[] = [];
    const shop = await participant({ try: () => started.push('try') }, { clock });
    const at = String(clock.now());
    const headers = { 'tercet-not-after': at };
    expect((await callReserve(shop, 'try', { headers })).code).toBe(status.OK);
    clock.jump(1);
    const reply = await callReserve(shop, 'try', { headers });
    expect(reply.code).toBe(status.DEADLINE_EXCEEDED);
    expect(reply.message).toContain('had to start 1 ms ago');
    expect(started).toEqual(['try']);
  });

  it('after its Cancel is kept out, as often as it comes, and other branches are not', async () => {
    const calls: string[] = [];
    const shop = await participant({
      try: (_request, ctx) => calls.push(`try ${ctx.branchId}`),
      cancel: (_request, ctx) => calls.push(`cancel ${ctx.branchId}`),
    });
    expect((await callReserve(shop, 'cancel')).code).toBe(status.OK);
    for (const attempt of ['1', '2']) {
      const late = await callReserve(shop, 'try', { headers: { 'tercet-attempt': attempt } });
      expect(late.code).toBe(status.ABORTED);
      expect(outcomeOf('tercet', 'try', late).kind).toBe('unknown');
    }
    expect((await callReserve(shop, 'try', { headers: { 'tercet-branch-id': '2' } })).code).toBe(0);
    const otherRun = { 'tercet-run-id': 'b'.repeat(32) };
    expect((await callReserve(shop, 'try', { headers: otherRun })).code).toBe(0);
    const otherGid = { 'tercet-gid': 'order-2' };
    expect((await callReserve(shop, 'try', { headers: otherGid })).code).toBe(0);
    expect(calls).toEqual(['cancel 1', 'try 2', 'try 1', 'try 1']);
  });

  it('is the handler’s business where it says that it has a barrier', async () => {
    const calls: string[] = [];
    const handlers = { try: () => calls.push('try'), cancel: () => calls.push('cancel') };
    const shop = await participant(handlers, { barrier: true });
    await callReserve(shop, 'cancel');
    expect((await callReserve(shop, 'try')).code).toBe(status.OK);
    expect(calls).toEqual(['cancel', 'try']);
  });
});

describe('a Cancel while the Try runs', () => {
  it('waits for the Try’s handler, though its caller has given up', async () => {
    const calls: string[] = [];
    const started = gate<void>();
    const work = gate<void>();
    const shop = await participant({
      try: async () => {
        started.open();
        await work.promise;
        calls.push('try ended');
      },
      cancel: () => calls.push('cancel'),
    });
    const caller = new AbortController();
    const tried = callReserve(shop, 'try', { signal: caller.signal });
    await started.promise;
    caller.abort();
    expect((await tried).code).toBe(status.CANCELLED);
    const cancelled = callReserve(shop, 'cancel');
    // A second branch's Cancel passes by: the first one is held back by its own Try only.
    await callReserve(shop, 'cancel', { headers: { 'tercet-branch-id': '2' } });
    expect(calls).toEqual(['cancel']);
    work.open();
    expect((await cancelled).code).toBe(status.OK);
    expect(calls).toEqual(['cancel', 'try ended', 'cancel']);
  });

  it('does not start when its own caller has given up meanwhile', async () => {
    const calls: string[] = [];
    const started = gate<void>();
    const work = gate<void>();
    const shop = await participant({
      try: async () => {
        started.open();
        await work.promise;
      },
      cancel: () => calls.push('cancel'),
    });
    const tried = callReserve(shop, 'try');
    await started.promise;
    const cancelled = await callReserve(shop, 'cancel', { deadlineMs: 50 });
    expect(cancelled.code).toBe(status.DEADLINE_EXCEEDED);
    // The answer of a later call on the same connection proves that the server has seen the giving up.
    await callReserve(shop, 'confirm', { headers: { 'tercet-branch-id': '2' } });
    work.open();
    await tried;
    expect(calls).toEqual([]);
    expect((await callReserve(shop, 'cancel', { headers: { 'tercet-attempt': '2' } })).code).toBe(
      0,
    );
    expect(calls).toEqual(['cancel']);
  });

  it('is sent away where the fence is full', async () => {
    const shop = await participant({}, { fenceKeysMax: 1 });
    expect((await callReserve(shop, 'cancel')).code).toBe(status.OK);
    const other = await callReserve(shop, 'cancel', { headers: { 'tercet-branch-id': '2' } });
    expect(other.code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe('drain', () => {
  it('refuses new calls of actions and resolves when the running ones have ended', async () => {
    const started = gate<void>();
    const work = gate<void>();
    const shop = await participant({
      confirm: async () => {
        started.open();
        await work.promise;
      },
    });
    const running = callReserve(shop, 'confirm');
    await started.promise;
    let drained = false;
    const draining = service?.drain().then(() => {
      drained = true;
    });
    const refused = await callReserve(shop, 'try');
    expect([refused.code, refused.message]).toEqual([
      status.UNAVAILABLE,
      'this participant is stopping',
    ]);
    expect(drained).toBe(false);
    work.open();
    expect((await running).code).toBe(status.OK);
    await draining;
    await service?.drain();
  });

  it('resolves when the answers have left: shutting down by force loses none of them', async () => {
    for (let i = 0; i < 20; i++) {
      const started = { try: gate<void>(), confirm: gate<void>() };
      const work = gate<void>();
      const shop = await participant({
        try: async () => {
          started.try.open();
          await work.promise;
        },
        confirm: async () => {
          started.confirm.open();
          await work.promise;
          throw new TccRetry();
        },
      });
      const calls = [callReserve(shop, 'try'), callReserve(shop, 'confirm')];
      await Promise.all([started.try.promise, started.confirm.promise]);
      const stopped = service?.drain().then(() => shop.stopServer());
      work.open();
      await stopped;
      expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([
        status.OK,
        status.FAILED_PRECONDITION,
      ]);
      await shop.stop();
    }
  });

  it('does not wait for answers that nobody takes any more', async () => {
    const started = gate<CallContext>();
    const work = gate<void>();
    const shop = await participant({
      try: async (_request, ctx) => {
        started.open(ctx);
        await work.promise;
      },
    });
    const caller = new AbortController();
    const tried = callReserve(shop, 'try', { signal: caller.signal });
    const ctx = await started.promise;
    const aborted = new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    caller.abort();
    await Promise.all([tried, aborted]);
    const drained = service?.drain();
    work.open();
    await drained;
  });
});

describe('addTcc', () => {
  it('says at once what is missing or wrong', async () => {
    const untyped = addTcc as (server: Server, definitions: unknown, handlers: unknown) => unknown;
    const reserving = { try: () => ({}), confirm: () => {}, cancel: () => {} };
    const again = defineTcc(ShopTccService, { again: reserve });
    const other = defineTcc({ ...ShopTccService }, { charge });
    const wrong: readonly [unknown, unknown, RegExp][] = [
      [[], {}, /at least one definition/],
      [stock.service, {}, /^addTcc takes what defineTcc made, got a generated service; name its/],
      [
        stock,
        { reserve: { ...reserving, cancel: undefined }, count },
        /action reserve has no handler for cancel/,
      ],
      [stock, { count }, /action reserve has no handler for try/],
      [
        [stock, payment],
        { reserve: reserving, charge: reserving },
        /method count belongs to no action and has no handler/,
      ],
      [
        [stock, stock],
        { reserve: reserving },
        /action reserve of shop.ShopTcc is defined twice; give one of the two another name/,
      ],
      [[stock, again], { reserve: reserving, again: reserving }, /serves two actions/],
      [[stock, other], {}, /definitions of one service/],
      [
        [stock, payment],
        { reserve: reserving, charge: reserving, count, ship: reserving },
        /unknown actions or methods: ship/,
      ],
    ];
    peer = await startPeer((server) => {
      for (const [definitions, handlers, message] of wrong) {
        expect(() => untyped(server, definitions, handlers)).toThrow(ConfigError);
        expect(() => untyped(server, definitions, handlers)).toThrow(message);
      }
    });
  });

  it('says so where the server has the service already, however it came there', async () => {
    const reserving = { try: () => ({ reservationId: 'r' }), confirm: () => {}, cancel: () => {} };
    const handlers = { reserve: reserving, charge: charging, count };
    const twice = {
      name: 'ConfigError',
      message:
        'addTcc: this server has shop.ShopTcc already, and takes each service once; give all its definitions and handlers to one addTcc',
    };
    const refusal = (server: Server): unknown => {
      try {
        return addTcc(server, [stock, payment], handlers);
      } catch (error) {
        return error;
      }
    };
    peer = await startPeer((server) => {
      addTcc(server, [stock, payment], handlers);
      expect(refusal(server)).toMatchObject(twice);
    });
    // The first registration is what counts.
    expect((await callReserve(peer, 'try')).code).toBe(status.OK);
    await peer.stop();
    peer = await startPeer((server) => {
      server.addService(ShopTccService, {});
      expect(refusal(server)).toMatchObject(twice);
      server.removeService(ShopTccService);
      expect(refusal(server)).toHaveProperty('drain');
    });
  });

  it('calls handlers as methods of their object', async () => {
    class Stock {
      private left = 5;
      try(request: { quantity: number }): { reservationId: string } {
        this.left -= request.quantity;
        return { reservationId: `left ${this.left}` };
      }
      confirm(): void {}
      cancel(): void {}
    }
    peer = await startPeer((server) => {
      addTcc(server, [stock, payment], { reserve: new Stock(), charge: charging, count });
    });
    const reply = await callReserve(peer, 'try');
    expect(Buffer.from(reply.payload ?? []).toString()).toBe('{"reservationId":"left 3"}');
  });
});
