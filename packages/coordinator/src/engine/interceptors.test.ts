import { describe, expect, it } from '@jest/globals';
import type { BranchId, CallReply, Gid, RunId } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import { RecordingLogger } from '../../test/support/recording-logger';
import { failed, ok } from '../../test/support/scripted-caller';
import type { ParticipantCall } from '../participant/participant-caller';
import { type CoordinatorInterceptor, type DecisionEvent, InterceptorChain } from './interceptors';

const call: ParticipantCall = {
  target: 'stock:1',
  method: '/shop.StockTcc/ReserveConfirm',
  payload: Uint8Array.of(1),
  context: {
    gid: 'order-1' as Gid,
    runId: '0'.repeat(32) as RunId,
    branchId: '1' as BranchId,
    action: 'reserve',
    phase: 'confirm',
    attempt: 1,
    notAfter: undefined,
    trace: undefined,
  },
  deadlineMs: 5_000,
  signal: new AbortController().signal,
};

const decision: DecisionEvent = {
  gid: 'order-1',
  runId: '0'.repeat(32),
  name: 'checkout',
  decision: 'confirm',
  cause: { kind: 'commit' },
  branches: 2,
  openedAt: 1,
  decidedAt: 2,
};

function world(...interceptors: CoordinatorInterceptor[]) {
  const time = new ManualTime();
  const logger = new RecordingLogger();
  const sent: ParticipantCall[] = [];
  const chain = new InterceptorChain({ interceptors, scheduler: time, logger });
  const send = (reply: CallReply | Promise<CallReply>) => () => {
    sent.push(call);
    return Promise.resolve(reply);
  };
  return { time, logger, sent, chain, send };
}

describe('an attempt within interceptors', () => {
  it('passes them from the outermost to the call and back', async () => {
    const story: string[] = [];
    const named = (name: string): CoordinatorInterceptor => ({
      async attempt(seen, next) {
        story.push(`${name} ${seen.context.phase}`);
        const reply = await next();
        story.push(`${name} ${reply.code}`);
        return reply;
      },
    });
    const w = world(named('outer'), {}, named('inner'));
    expect(await w.chain.attempt(call, w.send(ok))).toEqual({ reply: ok, sent: true });
    expect(story).toEqual(['outer confirm', 'inner confirm', 'inner 0', 'outer 0']);
  });

  it('counts what came back, whatever is made of it (H2)', async () => {
    for (const spoil of [
      () => failed('INTERNAL'),
      () => {
        throw new Error('broken metrics');
      },
    ]) {
      const w = world({
        async attempt(_call, next) {
          await next();
          return spoil();
        },
      });
      expect(await w.chain.attempt(call, w.send(ok))).toEqual({ reply: ok, sent: true });
    }
  });

  it('that an interceptor returns from without having sent it is a failed one (H3)', async () => {
    const w = world({ attempt: () => Promise.resolve(ok) });
    expect(await w.chain.attempt(call, w.send(ok))).toMatchObject({ sent: false });
    expect(w.sent).toEqual([]);
    expect(w.logger.messages('error')).toEqual(['an interceptor failed']);
  });

  it('that is kept from leaving is a failed one that says so (H3)', async () => {
    const w = world({ attempt: () => Promise.reject(new Error('no')) });
    const end = await w.chain.attempt(call, w.send(ok));
    expect(end).toMatchObject({
      sent: false,
      reply: {
        code: 13,
        message: 'an interceptor of the coordinator kept this call from leaving',
      },
    });
    expect(w.sent).toEqual([]);
    expect(w.logger.messages('error')).toEqual(['an interceptor failed']);
  });

  it('goes on past one that throws before it returns a promise (H3)', async () => {
    const w = world({
      attempt: () => {
        throw new Error('broken before any await');
      },
    });
    expect(await w.chain.attempt(call, w.send(ok))).toMatchObject({ sent: false });
    expect(w.logger.messages('error')).toEqual(['an interceptor failed']);
    expect(w.time.pending).toBe(0);
  });

  it('does not leave after it was counted as not sent', async () => {
    const w = world({
      async attempt(_call, next) {
        await new Promise<void>((resolve) => w.time.after(7_000, resolve));
        return await next();
      },
    });
    const end = w.chain.attempt(call, w.send(ok));
    await w.time.advance(8_000);
    expect(await end).toMatchObject({ sent: false });
    expect(w.sent).toEqual([]);
  });

  it('leaves at most once', async () => {
    const w = world({
      async attempt(_call, next) {
        await next();
        return await next();
      },
    });
    expect((await w.chain.attempt(call, w.send(ok))).reply).toEqual(ok);
    expect(w.sent).toHaveLength(1);
  });

  it('ends though an interceptor never does, and leaves no timer', async () => {
    const w = world({
      async attempt(_call, next) {
        await next();
        return await new Promise<never>(() => undefined);
      },
    });
    const end = w.chain.attempt(call, w.send(ok));
    await w.time.advance(6_000);
    expect(await end).toEqual({ reply: ok, sent: true });
    expect(w.time.pending).toBe(0);
  });

  it('ends with the call when it is given up, whatever an interceptor still does', async () => {
    const giveUp = new AbortController();
    const w = world({
      async attempt(_call, next) {
        await next();
        return await new Promise<never>(() => undefined);
      },
    });
    const end = w.chain.attempt({ ...call, signal: giveUp.signal }, w.send(ok));
    await w.time.settle();
    giveUp.abort();
    expect(await end).toEqual({ reply: ok, sent: true });
    expect(w.time.pending).toBe(0);
  });

  it('that an interceptor never lets go ends as not sent', async () => {
    const w = world({ attempt: () => new Promise<never>(() => undefined) });
    const end = w.chain.attempt(call, w.send(ok));
    await w.time.advance(6_000);
    expect(await end).toMatchObject({ sent: false });
  });
});

describe('a told event', () => {
  it('passes the interceptors that have the hook, the outermost first', () => {
    const story: string[] = [];
    const named = (name: string): CoordinatorInterceptor => ({
      decision(event, next) {
        story.push(`${name} ${event.gid}`);
        next();
        story.push(`after ${name}`);
      },
    });
    world(named('outer'), {}, named('inner')).chain.decision(decision);
    expect(story).toEqual(['outer order-1', 'inner order-1', 'after inner', 'after outer']);
  });

  it('goes on past an interceptor that throws, once (H3)', () => {
    let told = 0;
    const w = world(
      {
        decision(_event, next) {
          next();
          throw new Error('broken');
        },
      },
      {
        decision(_event, next) {
          told++;
          next();
          next();
        },
      },
    );
    w.chain.decision(decision);
    expect(told).toBe(1);
    expect(w.logger.messages('error')).toEqual(['an interceptor failed']);
  });

  it('goes on past one that fails after an await (H3)', async () => {
    const hook = (() => Promise.reject(new Error('broken'))) as () => void;
    const w = world({ decision: hook });
    w.chain.decision(decision);
    await w.time.settle();
    expect(w.logger.messages('error')).toEqual(['an interceptor failed']);
  });

  it('ends where an interceptor does not call next', () => {
    let told = false;
    const inner = { decision: () => void (told = true) };
    world({ decision: () => undefined }, inner).chain.decision(decision);
    expect(told).toBe(false);
  });
});
