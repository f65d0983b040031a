import { describe, expect, it } from '@jest/globals';
import type { TercetInterceptor, TryInfo, TryReply } from '@tercet/sdk';
import { Scenario, bill, item, shop, shopIn } from '../../test/support/scenario';
import { failed, rejecting, replied, retryLater } from '../../test/support/scripted-coordinator';

type TryHook = Required<TercetInterceptor>['try'];

/** A scenario with these `try` hooks, the outermost first. */
function around(...hooks: TryHook[]): Scenario {
  return new Scenario({ interceptors: hooks.map((hook) => ({ try: hook })) });
}

function reserving(s: Scenario): ReturnType<typeof s.outcome> {
  return s.outcome((tx) => shopIn(tx).reserve(item));
}

/** What the coordinator was told of branch 1. */
function told(s: Scenario): unknown {
  const [rollback] = s.coordinator.requests('rollback');
  return [...(rollback?.tries ?? [])].find(([id]) => String(id) === '1')?.[1];
}

const boom = new Error('boom');

describe('try interceptors', () => {
  it('stand around each attempt, the first one outermost, and see what is sent and what came', async () => {
    const seen: string[] = [];
    const infos: TryInfo[] = [];
    const named =
      (name: string): TryHook =>
      async (call, next) => {
        infos.push(call);
        seen.push(`${name} in ${call.attempt}`);
        const reply = await next();
        seen.push(`${name} ${reply.code}`);
      };
    const s = around(named('a'), named('b'));
    s.caller.onCall = (call, n) => (n === 1 ? retryLater(100) : replied(call));
    const run = await reserving(s);
    expect(run.value?.status).toBe('confirmed');
    expect(seen).toEqual(['a in 1', 'b in 1', 'b 9', 'a 9', 'a in 2', 'b in 2', 'b 0', 'a 0']);
    expect(infos[0]).toEqual({
      gid: 'order-1',
      runId: run.value?.runId,
      branch: '1',
      action: 'reserve',
      service: 'shop.ShopTcc',
      method: '/shop.ShopTcc/ReserveTry',
      target: 'shop:1',
      attempt: 1,
      deadlineMs: 2_000,
      metadata: s.caller.calls[0]?.metadata,
    });
    expect(infos[2]).toMatchObject({ attempt: 2, deadlineMs: 1_900 });
    expect(s.time.pending).toBe(0);
  });

  it('add metadata, which never replaces what is there', async () => {
    const added: Record<string, string>[] = [
      { 'x-span': 'outer', 'tercet-gid': 'forged', 'X-Tenant': 'forged', traceparent: 'span' },
      { 'x-span': 'inner', 'x-inner': '1' },
    ];
    const infos: TryInfo[] = [];
    const adding = (metadata: Record<string, string>): TryHook => {
      return (call, next) => {
        infos.push(call);
        return next({ metadata });
      };
    };
    const s = around(...added.map(adding));
    await s.outcome((tx) =>
      tx.use(shop, { target: 'shop:1', metadata: { 'x-tenant': 'acme' } }).reserve(item),
    );
    expect(infos[1]?.metadata).toMatchObject({ 'x-span': 'outer' });
    const [call] = s.caller.calls;
    expect(call?.metadata).toMatchObject({
      'x-span': 'outer',
      'x-inner': '1',
      'x-tenant': 'acme',
      'tercet-gid': 'order-1',
      traceparent: 'span',
    });
    expect(Object.keys(call?.metadata ?? {})).not.toContain('X-Tenant');
  });

  it.each([
    { 'tercet-branches': '1.1' },
    { 'grpc-timeout': '1S' },
    { 'a b': 'c' },
    { 'a-bin': 'text' },
  ])('add nothing that gRPC or Tercet keeps for itself: %j', async (metadata) => {
    const s = around((_call, next) => next({ metadata }));
    const run = await reserving(s);
    expect(run.error).toMatchObject({
      name: 'TransactionCancelledError',
      cause: { code: 'CONFIG_INVALID', details: { option: 'metadata' } },
    });
    expect(s.caller.calls).toEqual([]);
    expect(told(s)).toBe('not-sent');
  });

  it('that throw before next keep the Try from being sent: the run rolls back with that cause', async () => {
    const s = around(() => Promise.reject(boom));
    const run = await reserving(s);
    expect(run.error).toMatchObject({ name: 'TransactionCancelledError', cause: boom });
    expect(s.caller.calls).toEqual([]);
    expect(told(s)).toBe('not-sent');
    expect(s.time.pending).toBe(0);
  });

  it('that throw before a repetition leave the promise of the attempt before: nothing was applied', async () => {
    const s = around((call, next) => (call.attempt === 1 ? next() : Promise.reject(boom)));
    s.caller.onCall = () => retryLater(1);
    expect((await reserving(s)).error).toMatchObject({ cause: boom });
    expect(s.caller.calls).toHaveLength(1);
    expect(told(s)).toBe('refused');
  });

  it.each([
    ['done', { branches: ['1.1'] }, 'done'],
    ['refused', rejecting(), 'refused'],
    ['to be repeated', retryLater(1), 'refused'],
    ['unknown', failed(14, 'away'), 'unknown'],
  ])(
    'A3: that throw after a reply do not change what it stood for: %s',
    async (_name, over, outcome) => {
      const s = around(async (_call, next) => {
        await next();
        throw boom;
      });
      s.caller.onCall = (call) => ({ ...replied(call), ...over });
      const run = await reserving(s);
      expect(run.error).toMatchObject({ name: 'TransactionCancelledError', cause: boom });
      expect(s.caller.calls).toHaveLength(1);
      expect(told(s)).toBe(outcome);
      const nested = [...(s.coordinator.requests('rollback')[0]?.tries.keys() ?? [])].includes(
        '1.1' as never,
      );
      expect(nested).toBe(outcome === 'done');
    },
  );

  it('N1: change nothing by what they return or swallow', async () => {
    const s = around(
      (_call, next) => next().catch(() => undefined),
      async (call, next) => {
        await next();
        return { ...failed(13, 'forged'), payload: Buffer.from(call.gid) };
      },
    );
    const run = await s.outcome((tx) => shopIn(tx).charge(bill));
    expect(run.value?.value).toMatchObject({ chargeId: 'r1', balance: 7 });
  });

  it('K1: call next once: a second call sends nothing', async () => {
    const s = around(async (_call, next) => {
      await next();
      await next();
    });
    const run = await reserving(s);
    expect(run.error).toMatchObject({
      cause: { code: 'CONFIG_INVALID', message: 'next of a try interceptor was called twice' },
    });
    expect(s.caller.calls).toHaveLength(1);
    expect(told(s)).toBe('done');
  });

  it('have to call next', async () => {
    const s = around(() => Promise.resolve());
    const run = await reserving(s);
    expect(run.error).toMatchObject({
      cause: { message: 'a try interceptor returned without having called next' },
    });
    expect(told(s)).toBe('not-sent');
  });

  it('N2: that take all the time keep the Try from being sent', async () => {
    const s = around(async (_call, next) => {
      await new Promise<void>((resolve) => s.time.after(2_500, resolve));
      return next();
    });
    const run = await reserving(s);
    expect(run.error).toMatchObject({ cause: { code: 'DEADLINE_EXCEEDED' } });
    expect(s.caller.calls).toEqual([]);
    expect(told(s)).toBe('not-sent');
  });

  it('N2: a Try that was given up meanwhile is not sent', async () => {
    const caller = new AbortController();
    const s = around(async (_call, next) => {
      caller.abort(new Error('changed my mind'));
      return next();
    });
    const run = await s.outcome((tx) => shopIn(tx).reserve(item), { signal: caller.signal });
    expect(run.error).toMatchObject({ cause: { code: 'CALL_CANCELLED' } });
    expect(s.caller.calls).toEqual([]);
    expect(told(s)).toBe('not-sent');
  });

  it('take from the time of the Try', async () => {
    const s = around(async (_call, next) => {
      await new Promise<void>((resolve) => s.time.after(500, resolve));
      return next();
    });
    await reserving(s);
    expect(s.caller.calls[0]?.deadlineMs).toBe(1_500);
  });

  it.each(['before', 'after'] as const)(
    'N3: that hang %s next are not awaited for ever',
    async (when) => {
      let late: () => Promise<TryReply | undefined> = () => Promise.resolve(undefined);
      const s = around(async (_call, next) => {
        if (when === 'after') await next();
        else late = next;
        await new Promise(() => {});
      });
      const run = s.run((tx) => shopIn(tx).reserve(item));
      await s.time.advance(2_999);
      expect(run.ended).toBe(false);
      await s.time.advance(2);
      expect(run.error).toMatchObject({
        cause: {
          code: 'DEADLINE_EXCEEDED',
          message: expect.stringContaining('still busy') as unknown,
        },
      });
      expect(told(s)).toBe(when === 'after' ? 'done' : 'not-sent');
      if (when === 'before') {
        await expect(late()).rejects.toMatchObject({ code: expect.any(String) as unknown });
        expect(s.caller.calls).toEqual([]);
      }
      expect(s.time.pending).toBe(0);
    },
  );

  it('N3: that hang are awaited a second after the run was stopped', async () => {
    const caller = new AbortController();
    const s = around(async (_call, next) => {
      await next();
      await new Promise(() => {});
    });
    const run = s.run((tx) => shopIn(tx).reserve(item), { signal: caller.signal });
    await s.time.advance(100);
    caller.abort(new Error('enough'));
    await s.time.advance(999);
    expect(s.coordinator.kinds).toEqual(['register']);
    await s.time.advance(1);
    expect(run.error).toMatchObject({ cause: { code: 'CALL_CANCELLED' } });
    expect(told(s)).toBe('done');
    expect(s.time.pending).toBe(0);
  });
});
