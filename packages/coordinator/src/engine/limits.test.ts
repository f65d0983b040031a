/** Gates, admission and hooks where the engine uses them; their own rules are tested beside them. */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, BranchSpec } from '@tercet/core';
import { aBranchSpec, anOpening } from '@tercet/core/testing';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';
import type { CoordinatorInterceptor } from './interceptors';

/** A branch of its own target. */
function at(target: string, id = '1', over: Partial<BranchSpec> = {}): BranchSpec {
  return aBranchSpec({ id: id as BranchId, target, ...over });
}

async function committed(world: EngineWorld, gid: string, specs: readonly BranchSpec[]) {
  await world.open(gid, specs);
  await world.done(world.commit(gid, ...specs.map(({ id }) => id)));
}

const refused = failed('UNAVAILABLE', 'connect ECONNREFUSED 10.0.0.1:1');

describe('a target that is down', () => {
  it('is called once in ten seconds, however many wait, and held-back calls are no attempts', async () => {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', refused);
    world.caller.setConnection('stock:1', 'down');
    for (let i = 1; i <= 20; i++) await committed(world, `order-${i}`, [at('stock:1')]);
    expect(world.caller.calls).toHaveLength(1);
    await world.time.advance(60_000);
    expect(world.caller.calls.length).toBeLessThanOrEqual(7);
    const counts = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const tx = await world.engine.get(`order-${i + 1}` as never);
        return tx.branches[0]?.attempts.count ?? 0;
      }),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(world.caller.calls.length);
  });

  it('shows what it holds back as unreachable, with what the target’s last call met', async () => {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', refused);
    world.caller.setConnection('stock:1', 'down');
    const impatient = at('stock:1', '1', { stuckAfterMs: 5_000 });
    for (const gid of ['order-1', 'order-2']) await committed(world, gid, [impatient]);
    await world.time.advance(6_000);
    expect(await world.engine.stuck()).toMatchObject([
      { tx: { gid: 'order-1' }, reason: 'unreachable', branch: { attempts: { count: 1 } } },
      {
        tx: { gid: 'order-2' },
        reason: 'unreachable',
        branch: { attempts: { count: 0, lastFailure: { grpcCode: 14, message: refused.message } } },
      },
    ]);
  });

  it('slows nobody else, nor does one that hangs', async () => {
    const world = new EngineWorld({ targetConcurrencyMax: 2 });
    await world.start();
    world.caller.always('1', refused);
    world.caller.setConnection('dead:1', 'down');
    world.caller.always('2', 'hold');
    for (let i = 1; i <= 10; i++) {
      await committed(world, `order-${i}`, [at('dead:1'), at('hanging:1', '2'), at('well:1', '3')]);
    }
    const well = world.caller.calls.filter(({ target }) => target === 'well:1');
    expect(well).toHaveLength(10);
    expect(world.caller.calls.filter(({ target }) => target === 'hanging:1')).toHaveLength(2);
  });

  it('when it is back, what waited is called within five seconds', async () => {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', refused);
    world.caller.setConnection('stock:1', 'down');
    for (let i = 1; i <= 20; i++) await committed(world, `order-${i}`, [at('stock:1')]);
    world.caller.always('1', ok);
    world.caller.ready('stock:1');
    await world.time.advance(2_500);
    const half = world.caller.calls.length;
    expect(half).toBeGreaterThan(3);
    expect(half).toBeLessThan(19);
    await world.time.advance(2_600);
    expect((await world.stored('order-20'))?.status).toBe('confirmed');
    expect(world.engine.residentCount).toBe(0);
  });
});

describe('a branch that was the probe of a target that is down', () => {
  it('is probed again in its turn, and called within five seconds when the target is back (F5)', async () => {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', refused);
    world.caller.setConnection('stock:1', 'down');
    await committed(world, 'order-1', [at('stock:1')]);
    // Ten minutes: its own backoff would be at a minute by now.
    await world.time.advance(600_000);
    expect(world.caller.calls.length).toBeGreaterThan(55);
    expect(world.caller.calls.length).toBeLessThan(65);
    world.caller.always('1', ok);
    world.caller.ready('stock:1');
    await world.time.advance(5_100);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });
});

describe('limits of unfinished work', () => {
  const register = (world: EngineWorld, gid: string, specs: readonly BranchSpec[]) =>
    world.done(world.register(gid, specs, { opening: anOpening() }));

  it('a full target refuses whoever names it, others pass, and it takes work again as branches end', async () => {
    const world = new EngineWorld({ targetUnfinishedMax: 2 });
    await world.start();
    await world.open('order-1', [at('stock:1'), at('stock:1', '2')]);
    await expect(
      register(world, 'order-2', [at('pay:1'), at('stock:1', '2')]),
    ).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'target', target: 'stock:1' },
    });
    expect(await world.stored('order-2')).toBeUndefined();
    await register(world, 'order-3', [at('pay:1'), at('pay:1', '2')]);
    // What is decided goes on, and gives its place back.
    await world.done(world.commit('order-1', '1', '2'));
    await world.time.advance(50);
    await register(world, 'order-4', [at('stock:1')]);
  });

  it('undecided transactions are limited, decided ones do not count', async () => {
    const world = new EngineWorld({ undecidedMax: 2 });
    await world.start();
    world.caller.always('1', 'hold');
    await register(world, 'order-1', branches('1'));
    await register(world, 'order-2', branches('1'));
    await expect(register(world, 'order-3', branches('1'))).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'undecided' },
    });
    // A repeat and an extension are no new transactions.
    await register(world, 'order-1', branches('1'));
    await world.done(world.register('order-1', branches('2')));
    await world.done(world.commit('order-2', '1'));
    await register(world, 'order-3', branches('1'));
  });

  it('at the limit, a repeat of a finished transaction is still answered by the truth (I9)', async () => {
    const world = new EngineWorld({ undecidedMax: 1 });
    await world.start();
    await committed(world, 'order-1', branches('1'));
    await world.time.advance(50);
    await register(world, 'order-2', branches('1'));
    await expect(register(world, 'order-1', branches('1'))).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      details: { status: 'confirmed' },
    });
  });

  it('what did not become durable takes no room', async () => {
    const world = new EngineWorld({ undecidedMax: 1 });
    await world.start();
    world.store.failNext('unavailable', { applied: false });
    await expect(register(world, 'order-1', branches('1'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await world.time.advance(5_000);
    await register(world, 'order-2', branches('1'));
    expect(world.engine.unfinished).toEqual({ undecided: 1, targets: 1 });
  });

  it('a branch that an operator resolved counts no more, and one that ended by itself counts once', async () => {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', failed('UNIMPLEMENTED'));
    world.caller.always('2', 'hold');
    await committed(world, 'order-1', [at('never:1'), at('slow:1', '2')]);
    const resolve = (branchId: string) =>
      world.operate('order-1', {
        kind: 'resolve',
        branchId: branchId as BranchId,
        asserted: 'confirmed',
        by: 'ann',
        reason: 'by hand',
      });
    await world.time.advance(50);
    const orders = [resolve('1'), resolve('2')];
    await world.time.advance(50);
    expect(world.engine.unfinished).toEqual({ undecided: 0, targets: 1 });
    world.caller.held[0]?.reply(ok);
    await world.time.advance(50);
    expect((await Promise.all(orders)).map(({ changed }) => changed)).toEqual([['1'], []]);
    expect(world.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
    // Nothing went below zero either: the next one counts.
    await register(world, 'order-2', [at('slow:1')]);
    expect(world.engine.unfinished).toEqual({ undecided: 1, targets: 1 });
  });

  it('a restart counts what it finds and refuses none of it', async () => {
    const world = new EngineWorld({ undecidedMax: 2, targetUnfinishedMax: 2 });
    await world.start();
    await register(world, 'order-1', branches('1'));
    await register(world, 'order-2', branches('1'));
    await world.crash();
    expect(world.engine.unfinished).toEqual({ undecided: 2, targets: 1 });
    await world.time.advance(100_000);
    expect(world.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
  });
});

describe('hooks', () => {
  it('hear of each decision once, of each attempt, and of a branch that becomes stuck once', async () => {
    const story: string[] = [];
    const hooks: CoordinatorInterceptor = {
      decision(event, next) {
        story.push(`${event.decision} ${event.gid} because ${event.cause.kind}`);
        next();
      },
      async attempt(call, next) {
        const reply = await next();
        story.push(
          `${call.context.phase} ${call.context.branchId} #${call.context.attempt}: ${reply.code}`,
        );
        return reply;
      },
      stuck(event, next) {
        story.push(`${event.action} is stuck: ${event.reason}${event.parked ? ', parked' : ''}`);
        next();
      },
    };
    const world = new EngineWorld({}, [hooks]);
    await world.start();
    world.caller.script('1', failed('UNIMPLEMENTED'), failed('UNIMPLEMENTED'));
    await committed(world, 'order-1', branches('1'));
    // A repeat of the decision is no decision.
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(130_000);
    expect(story).toEqual([
      'confirm order-1 because commit',
      'confirm 1 #1: 12',
      'reserve is stuck: unimplemented',
      'confirm 1 #2: 12',
      'confirm 1 #3: 0',
    ]);
  });

  it('hear within five seconds of a branch that its age alone makes stuck, once', async () => {
    const told: string[] = [];
    const hooks: CoordinatorInterceptor = {
      stuck: ({ gid, branchId, reason, attempts }) =>
        void told.push(`${gid}/${branchId} ${reason} ${attempts}`),
    };
    const world = new EngineWorld({}, [hooks]);
    await world.start();
    world.caller.always('1', refused);
    world.caller.setConnection('stock:1', 'down');
    world.caller.always('2', 'hold');
    const after = { stuckAfterMs: 3_000 };
    // The first is called and refused; the second is held back; the third hangs.
    await committed(world, 'order-1', [at('stock:1', '1', { stuckAfterMs: 600_000 })]);
    await committed(world, 'order-2', [at('stock:1', '1', after), at('pay:1', '2', after)]);
    await world.time.advance(2_900);
    expect(told).toEqual([]);
    await world.time.advance(5_100);
    expect(told).toEqual(['order-2/1 unreachable 0', 'order-2/2 deadline 0']);
    await world.time.advance(60_000);
    expect(told.filter((line) => line.startsWith('order-2'))).toHaveLength(2);
  });

  it('leave no timer when nothing is in memory', async () => {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', 'hold');
    await committed(world, 'order-1', branches('1'));
    expect(world.time.pending).toBe(1);
    world.caller.held[0]?.reply(ok);
    await world.time.advance(50);
    expect(world.time.pending).toBe(0);
  });

  it('an attempt that a hook kept from leaving is counted, retried, and says nothing about the target', async () => {
    let broken = 6;
    const hooks: CoordinatorInterceptor = {
      attempt: (call, next) => (broken-- > 0 ? Promise.reject(new Error('no')) : next()),
    };
    const world = new EngineWorld({}, [hooks]);
    await world.start();
    await committed(world, 'order-1', branches('1', '2'));
    await world.time.advance(60_000);
    const tx = await world.stored('order-1');
    expect(tx?.status).toBe('confirmed');
    expect(tx?.branches.reduce((sum, { attempts }) => sum + attempts.count, 0)).toBe(8);
    expect(world.logger.messages('warn').filter((text) => text.includes('down'))).toEqual([]);
  });
});
