/** Participants with a barrier over real gRPC, by both transports: rules B1 to B4 of participant/guarded-call.ts. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  BarrierConflictError,
  BarrierError,
  type CallContext,
  ConfigError,
  type ParticipantInterceptor,
  TccReject,
  TccRetry,
  createTercet,
  currentTransaction,
} from '@tercet/sdk';
import { ManualTime } from '@tercet/core/testing';
import { systemScheduler } from '@tercet/runtime';
import type { CallSpec, Caller, Told } from '../support/both-transports';
import { type GuardedShop, type ReserveHandlers, aGuardedShop } from '../support/guarded-shop';
import type { MemoryDb } from '../support/memory-barrier';
import { gate, shop as shopDefinition } from '../support/scenario';
import { ScriptedCaller, ScriptedCoordinator, rejecting } from '../support/scripted-coordinator';

type Options = Parameters<typeof aGuardedShop>[2];
type Context = CallContext<MemoryDb>;
const transports = ['unary', 'deliver'] as const;
const tea = '{"reservationId":"r-tea"}';

const started: GuardedShop[] = [];

afterEach(async () => {
  for (const each of started.splice(0)) await each.stop();
});

describe.each(transports)('with a barrier, by %s,', (transport) => {
  let shop: GuardedShop;

  async function start(
    handlers: Partial<ReserveHandlers> = {},
    options: Options = {},
  ): Promise<GuardedShop> {
    shop = await aGuardedShop(transport, handlers, options);
    started.push(shop);
    return shop;
  }
  const call = (phase: NonNullable<CallSpec['phase']>, spec: CallSpec = {}): Promise<Told> =>
    shop.caller.call({ phase, ...spec });
  const books = (): Readonly<Record<string, number>> => Object.fromEntries(shop.barrier.data);

  describe('a call', () => {
    it('has its effect once: a duplicate is answered with what was answered first', async () => {
      let ids = 0;
      await start({
        try: (_request, { db }) => {
          db.add('held', 1);
          ids += 1;
          return { reservationId: `r${ids}` };
        },
      });
      const first = await call('try');
      expect(first).toMatchObject({ code: 0, reply: '{"reservationId":"r1"}' });
      expect(await call('try', { headers: { 'tercet-attempt': '2' } })).toEqual(first);
      expect([ids, books()]).toEqual([1, { held: 1 }]);
    });

    it('of Confirm and Cancel, too, and returns nothing with an empty message', async () => {
      await start();
      await call('try');
      for (let i = 0; i < 2; i++)
        expect(await call('confirm')).toMatchObject({ code: 0, reply: '' });
      expect(books()).toEqual({ stock: -2, held: 0, sold: 2 });
    });

    it('is given to the barrier with everything that it needs', async () => {
      await start();
      await call('try', { headers: { 'tercet-attempt': '3' } });
      const [given] = shop.barrier.calls;
      expect(given).toMatchObject({
        gid: 'order-1',
        runId: 'a'.repeat(32),
        branchId: '1',
        service: 'shop.ShopTcc',
        action: 'reserve',
        phase: 'try',
        attempt: 3,
        cancelWhenTryUnknown: 'skip',
      });
      expect(given?.deadline).toBeGreaterThan(1_700_000_000_000);
      expect(given?.givenUp()).toBe(false);
      expect(Buffer.from(given?.encodeReply({ reservationId: 'r-tea' }) ?? []).toString()).toBe(
        tea,
      );
    });

    it('that fails is rolled back, and answered as without a barrier', async () => {
      const ends: readonly [Error, Partial<Told>][] = [
        [
          new TccReject('sold out', { left: 0 }),
          { code: 9, verdict: 'reject', details: '{"left":0}' },
        ],
        [new TccRetry({ after: '1s' }), { code: 9, verdict: 'retry', retryAfterMs: 1_000 }],
        [
          new Error('disk full'),
          { code: status.UNKNOWN, message: 'disk full', verdict: undefined },
        ],
      ];
      for (const [error, expected] of ends) {
        await start({
          try: (_request, { db }) => {
            db.add('held', 1);
            throw error;
          },
        });
        expect(await call('try')).toMatchObject(expected);
        expect(books()).toEqual({});
      }
    });

    it('whose barrier does not know its end is unknown, never a verdict, and is told to onError', async () => {
      await start();
      shop.barrier.broken = new BarrierError('COMMIT was not answered');
      expect(await call('try')).toMatchObject({
        code: status.UNKNOWN,
        message: 'COMMIT was not answered',
        verdict: undefined,
      });
      expect(shop.errors).toEqual([shop.barrier.broken]);
    });

    it('whose row is locked is to come again, which nobody is told', async () => {
      await start();
      shop.barrier.broken = new TccRetry({ reason: 'barrier: row locked' });
      expect(await call('confirm')).toMatchObject({
        code: status.FAILED_PRECONDITION,
        verdict: 'retry',
        message: 'barrier: row locked',
      });
      expect(shop.errors).toEqual([]);
    });
  });

  describe('what does not fit', () => {
    it('keeps a late Try out, as often as it comes', async () => {
      await start();
      expect(await call('cancel')).toMatchObject({ code: 0, reply: '' });
      for (let i = 0; i < 3; i++) {
        expect(await call('try')).toMatchObject({
          code: status.ABORTED,
          message: 'this branch was cancelled before; the Try was not started',
          verdict: undefined,
        });
      }
      expect([books(), shop.errors]).toEqual([{}, []]);
    });

    it('is a conflict where it contradicts: with the verdict, told to onError', async () => {
      await start();
      await call('try');
      await call('confirm');
      expect(await call('cancel')).toMatchObject({
        code: status.FAILED_PRECONDITION,
        verdict: 'conflict',
        message: 'cancel after confirm',
      });
      expect(shop.errors).toEqual([expect.any(BarrierConflictError)]);
      expect(shop.errors[0]).toMatchObject({
        code: 'BARRIER_CONFLICT',
        details: { gid: 'order-1', branch_id: '1', action: 'reserve', phase: 'cancel' },
      });
    });

    it('of Try is refused by its time before it comes to the barrier', async () => {
      const clock = new ManualTime();
      await start({}, { clock });
      const headers = { 'tercet-not-after': String(clock.now() - 1) };
      expect(await call('try', { headers })).toMatchObject({ code: status.DEADLINE_EXCEEDED });
      expect(shop.barrier.calls).toEqual([]);
    });

    it('is refused by authorize before the barrier is even checked', async () => {
      await start({}, { authorize: () => false });
      expect(await call('try')).toMatchObject({ code: status.PERMISSION_DENIED });
      expect(shop.barrier.checks).toBe(0);
    });
  });

  describe('ctx', () => {
    it('tells Confirm and Cancel what Try answered and kept', async () => {
      const seen: unknown[] = [];
      const look = (_request: unknown, ctx: Context): void =>
        void seen.push([ctx.tried, ctx.saved, ctx.tryObserved]);
      const kept = { row: 7n, at: new Date(5), bytes: new Uint8Array([1, 2]) };
      await start({
        try: (_request, ctx) => {
          ctx.save('the last one counts');
          ctx.save(kept);
          look(_request, ctx);
          return { reservationId: 'r-9' };
        },
        confirm: look,
        cancel: look,
      });
      await call('try');
      await call('confirm');
      const other = { headers: { 'tercet-branch-id': '2' } };
      await call('try', other);
      await call('cancel', other);
      const inTry = [undefined, undefined, false];
      const after = [{ reservationId: 'r-9' }, kept, true];
      expect(seen).toEqual([inTry, after, inTry, after]);
    });

    it('says in a Cancel without Try that none was observed, where such a one is called', async () => {
      const seen: unknown[] = [];
      const cancel = (_request: unknown, ctx: Context): void =>
        void seen.push([ctx.tryObserved, ctx.tried, ctx.saved]);
      await start({ cancel }, { cancelWhenTryUnknown: 'call' });
      expect(await call('cancel')).toMatchObject({ code: 0 });
      await start({ cancel, cancelWhenTryUnknown: 'call' });
      expect(await call('cancel')).toMatchObject({ code: 0 });
      expect(seen).toEqual([
        [false, undefined, undefined],
        [false, undefined, undefined],
      ]);
      // What an action says wins.
      const never = { cancel, cancelWhenTryUnknown: 'skip' } as Partial<ReserveHandlers>;
      await start(never, { cancelWhenTryUnknown: 'call' });
      expect(await call('cancel')).toMatchObject({ code: 0 });
      expect(seen).toHaveLength(2);
    });

    it('keeps nothing of a Try that failed', async () => {
      let fails = true;
      const seen: unknown[] = [];
      await start({
        try: (_request, ctx) => {
          if (fails) {
            ctx.save('lost');
            throw new TccRetry();
          }
          return { reservationId: 'r' };
        },
        confirm: (_request, ctx) => void seen.push(ctx.saved),
      });
      await call('try');
      fails = false;
      await call('try');
      await call('confirm');
      expect(seen).toEqual([undefined]);
    });

    const handler = 'the handler for try of reserve (shop.ShopTcc)';
    const largest = 65_536 - 5 - 2;
    it.each<readonly [string, (ctx: Context) => void, string | undefined]>([
      ['the largest value', (ctx) => ctx.save('x'.repeat(largest)), undefined],
      [
        'a byte more',
        (ctx) => ctx.save('x'.repeat(largest + 1)),
        `ctx.save: what ${handler} keeps takes 65537 bytes with the ids of its nested branches, at most 65536 are kept; write it to a table of your own through ctx.db, and keep its key`,
      ],
      [
        'a value that cannot be encoded',
        (ctx) => ctx.save({ rows: [1, () => {}] }),
        `ctx.save: what ${handler} keeps cannot be encoded: value.rows[1] is a function; keep plain data, such as an id`,
      ],
    ])('save takes, or refuses naming the handler: %s', async (_what, save, message) => {
      await start({
        try: (_request, ctx) => {
          save(ctx);
          return { reservationId: 'r' };
        },
      });
      const told = await call('try');
      if (message === undefined) {
        expect(told).toMatchObject({ code: 0 });
        return;
      }
      expect(told).toMatchObject({ code: status.UNKNOWN, message: message.slice(0, 1_024) });
      expect(shop.errors).toEqual([expect.any(ConfigError)]);
      expect(books()).toEqual({});
    });

    it('refuses save in Confirm and Cancel, and after the handler', async () => {
      let late: Context | undefined;
      await start({
        try: (_request, ctx) => {
          late = ctx;
          return { reservationId: 'r' };
        },
        confirm: (_request, ctx) => ctx.save(1),
      });
      await call('try');
      expect(() => late?.save(1)).toThrow(/handler for try of reserve .* has ended; keep a value/);
      expect(() => late?.db.add('held', 1)).toThrow('this transaction has ended');
      expect((await call('confirm')).message).toContain(
        'only a Try can keep a value, this is the handler for confirm of reserve',
      );
    });

    it('is what currentTransaction tells of', async () => {
      const seen: unknown[] = [];
      await start({
        confirm: () => void seen.push(currentTransaction()?.branchId),
      });
      await call('try');
      await call('confirm');
      expect(seen).toEqual(['1']);
    });

    it('takes a reply that cannot be encoded for a failure, before anything is committed', async () => {
      await start({
        try: (_request, { db }) => {
          db.add('held', 1);
          return { reservationId: 1n } as never;
        },
      });
      const told = await call('try');
      expect(told.code).toBe(status.UNKNOWN);
      expect(told.message).toMatch(
        /^the handler for try of reserve \(shop\.ShopTcc\) returned a reply that \/shop\.ShopTcc\/ReserveTry cannot encode: .*BigInt.*; nothing was committed$/,
      );
      expect(books()).toEqual({});
    });
  });

  describe('interceptors', () => {
    it('stand around the barrier: they see duplicates, too, with the stored reply', async () => {
      const story: unknown[] = [];
      const interceptor: ParticipantInterceptor = {
        async handle({ ctx }, next) {
          const calls = shop.barrier.calls.length;
          const reply = await next();
          story.push([ctx.phase, shop.barrier.calls.length - calls, reply]);
        },
      };
      await start({}, { interceptors: [interceptor] });
      for (let i = 0; i < 2; i++) expect((await call('try')).reply).toBe(tea);
      const seen = ['try', 1, { reservationId: 'r-tea' }];
      expect(story).toEqual([seen, seen]);
    });

    it('may replace the reply, as without a barrier', async () => {
      const handle: ParticipantInterceptor['handle'] = async (_call, next) => {
        await next();
        return { reservationId: 'other' };
      };
      await start({}, { interceptors: [{ handle }] });
      for (let i = 0; i < 2; i++) {
        expect((await call('try')).reply).toBe('{"reservationId":"other"}');
      }
    });

    it('have nothing of the local transaction', async () => {
      const thrown: unknown[] = [];
      const handle: ParticipantInterceptor['handle'] = ({ ctx }, next) => {
        thrown.push(ctx.db);
        for (const look of [
          () => ctx.tried,
          () => ctx.saved,
          () => ctx.save,
          () => ctx.tryObserved,
          () => ctx.use(shopDefinition, { target: 'x:1' }),
        ]) {
          try {
            look();
          } catch (error) {
            thrown.push((error as Error).message);
          }
        }
        return next();
      };
      await start({}, { interceptors: [{ handle }] });
      expect(await call('try')).toMatchObject({ code: 0 });
      expect(thrown).toHaveLength(6);
      expect(thrown[0]).toBeUndefined();
      expect(thrown[1]).toMatch(
        /^ctx\.tried: only handlers of a participant with a barrier have it/,
      );
      expect(thrown[5]).toMatch(/^ctx\.use: with a barrier only the handler of the Try can add/);
    });

    const swallowing: ParticipantInterceptor = {
      handle: (_call, next) => next().catch(() => ({ reservationId: 'made up' })),
    };
    const disguising: ParticipantInterceptor = {
      handle: (_call, next) =>
        next().catch(() => {
          throw new TccReject('disguised');
        }),
    };
    const absent: ParticipantInterceptor = { handle: () => ({ reservationId: 'made up' }) };

    it('cannot make OK of what was rolled back, and may say another error', async () => {
      const failing: Partial<ReserveHandlers> = {
        try: () => {
          throw new Error('disk full');
        },
      };
      await start(failing, { interceptors: [swallowing] });
      expect(await call('try')).toMatchObject({ code: status.UNKNOWN, message: 'disk full' });
      await start(failing, { interceptors: [disguising] });
      expect(await call('try')).toMatchObject({ verdict: 'reject', message: 'disguised' });
    });

    it('cannot make OK of what never came to the barrier', async () => {
      await start({}, { interceptors: [absent] });
      expect((await call('try')).message).toBe(
        'an interceptor of this participant answered try of reserve without calling next: with a barrier nothing is OK that did not go through it',
      );
      expect(shop.errors).toEqual([expect.any(ConfigError)]);
    });

    it.each([
      ['swallow', swallowing],
      ['disguise', disguising],
    ] as const)(
      'cannot %s a late Try, a conflict or an unknown end',
      async (_what, interceptor) => {
        await start({}, { interceptors: [interceptor] });
        await call('cancel');
        expect(await call('try')).toMatchObject({ code: status.ABORTED, verdict: undefined });
        expect(await call('confirm')).toMatchObject({ verdict: 'conflict' });
        shop.barrier.broken = new BarrierError('COMMIT was not answered');
        expect(await call('cancel')).toMatchObject({ code: status.UNKNOWN, verdict: undefined });
      },
    );
  });
});

describe.each(transports)('nested work behind a barrier, by %s,', (transport) => {
  const time = new ManualTime();
  const coordinator = new ScriptedCoordinator(time);
  const caller = new ScriptedCaller(time);
  const tercet = createTercet({ transport: coordinator, tryCaller: caller });
  const call = (by: Caller, phase: CallSpec['phase'] = 'try'): Promise<Told> =>
    by.call({ phase: phase ?? 'try' });
  const registered = (): readonly (readonly string[])[] =>
    coordinator.requests('register').map(({ branches }) => branches.map(({ id }) => id));

  it('is named with the stored reply: a duplicate makes no nested call, and names the same', async () => {
    const before = registered().length;
    const shop = await aGuardedShop(
      transport,
      {
        try: async (_request, ctx) => {
          const other = ctx.use(shopDefinition, { target: 'other:1' });
          await Promise.all([
            other.reserve({ sku: 'a', quantity: 1 }),
            other.reserve({ sku: 'b', quantity: 1 }),
          ]);
          ctx.save(['kept beside them']);
          return { reservationId: 'r' };
        },
        confirm: (_request, ctx) => expect(ctx.saved).toEqual(['kept beside them']),
      },
      { tercet },
    );
    started.push(shop);
    const first = await call(shop.caller);
    expect(first).toMatchObject({ code: 0, branches: ['1.1', '1.2'] });
    expect(await call(shop.caller)).toEqual(first);
    expect(registered().slice(before)).toEqual([['1.1', '1.2']]);
    expect(await call(shop.caller, 'confirm')).toMatchObject({ code: 0, branches: [] });
  });

  it('begins anew with each local transaction: the same ids, a ctx of its own', async () => {
    const before = registered().length;
    const contexts: Context[] = [];
    const shop = await aGuardedShop(
      transport,
      {
        try: async (request, ctx) => {
          contexts.push(ctx);
          ctx.db.add('held', 1);
          if (contexts.length === 1) ctx.save('of the first');
          await ctx.use(shopDefinition, { target: 'other:1' }).reserve(request);
          return { reservationId: `r${contexts.length}` };
        },
        confirm: (_request, ctx) => expect(ctx.saved).toBeUndefined(),
      },
      { tercet },
    );
    started.push(shop);
    shop.barrier.deadlocks = 2;
    expect(await call(shop.caller)).toMatchObject({
      code: 0,
      reply: '{"reservationId":"r3"}',
      branches: ['1.1'],
    });
    expect(registered().slice(before)).toEqual([['1.1'], ['1.1'], ['1.1']]);
    expect(new Set(contexts).size).toBe(3);
    expect(shop.barrier.data.get('held')).toBe(1);
    expect((await call(shop.caller, 'confirm')).message).toBe('');
  });

  it('that fails rolls the Try back, whatever handler and interceptors make of it', async () => {
    caller.onCall = () => rejecting('sold out');
    const handle: ParticipantInterceptor['handle'] = (_call, next) =>
      next().catch(() => {
        throw new TccRetry();
      });
    const shop = await aGuardedShop(
      transport,
      {
        try: async (request, ctx) => {
          ctx.db.add('held', 1);
          await ctx
            .use(shopDefinition, { target: 'other:1' })
            .reserve(request)
            .catch(() => {});
          return { reservationId: 'r' };
        },
      },
      { tercet, interceptors: [{ handle }] },
    );
    started.push(shop);
    const told = await call(shop.caller);
    expect(told).toMatchObject({ code: status.ABORTED, verdict: undefined });
    expect(told.message).toContain('nested Try reserve (branch 1.1) was refused: sold out');
    expect(shop.barrier.data.size).toBe(0);
  });
});

describe('the check of a barrier', () => {
  it('is made once, before the first call, and all that come meanwhile wait for it', async () => {
    const shop = await aGuardedShop('deliver');
    started.push(shop);
    const checked = gate<void>();
    shop.barrier.onCheck = () => checked.promise;
    const calls = ['1', '2'].map((id) => shop.caller.call({ headers: { 'tercet-branch-id': id } }));
    while (shop.barrier.checks === 0)
      await new Promise<void>((resolve) => systemScheduler.soon(resolve));
    expect(shop.barrier.calls).toEqual([]);
    checked.open();
    for (const told of await Promise.all(calls)) expect(told.code).toBe(0);
    await shop.service.ready();
    expect(shop.barrier.checks).toBe(1);
  });

  it.each(transports)(
    'that fails answers calls with UNAVAILABLE and its text, by %s',
    async (by) => {
      const clock = new ManualTime();
      const shop = await aGuardedShop(by, {}, { clock });
      started.push(shop);
      const missing = new BarrierError(
        'table tercet_barrier is missing; run tercet barrier migrate',
      );
      shop.barrier.onCheck = () => {
        throw missing;
      };
      const call = (): Promise<Told> => shop.caller.call({ phase: 'cancel', deadlineMs: 5_000 });
      for (let i = 0; i < 2; i++) {
        expect(await call()).toMatchObject({
          code: status.UNAVAILABLE,
          message: missing.message,
          verdict: undefined,
        });
      }
      expect(shop.errors).toEqual([missing, missing]);
      expect([shop.barrier.checks, shop.barrier.calls.length]).toEqual([1, 0]);
      clock.jump(1_000);
      shop.barrier.onCheck = () => {};
      expect(await call()).toMatchObject({ code: 0 });
      expect(shop.barrier.checks).toBe(2);
    },
  );

  it('is what ready waits for: it looks again whenever it is asked, until it is well', async () => {
    const shop = await aGuardedShop('unary');
    started.push(shop);
    shop.barrier.onCheck = () => Promise.reject(new BarrierError('the table is missing'));
    for (let i = 0; i < 2; i++) {
      await expect(shop.service.ready()).rejects.toThrow('the table is missing');
    }
    shop.barrier.onCheck = () => {};
    await shop.service.ready();
    expect(shop.barrier.checks).toBe(3);
  });

  it('does not keep a call whose caller gave up', async () => {
    const shop = await aGuardedShop('unary');
    started.push(shop);
    shop.barrier.onCheck = () => new Promise(() => {});
    const told = await shop.caller.call({ deadlineMs: 50 });
    expect(told.code).toBe(status.DEADLINE_EXCEEDED);
    await shop.service.drain();
    expect(shop.barrier.calls).toEqual([]);
  });
});
