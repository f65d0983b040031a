/** What memory holds is enough for the way from opening to settled, and what is not durable yet is told to nobody. */
import { describe, expect, it } from '@jest/globals';
import type { Gid } from '@tercet/core';
import { EngineWorld, branches } from '../../test/support/engine-world';
import type { CoordinatorInterceptor } from './interceptors';

const gid = 'order-1' as Gid;

describe('a transaction in memory', () => {
  it('reads nothing from the store on its way from opening to settled', async () => {
    const world = new EngineWorld();
    await world.start();
    world.store.readable = 'nothing';
    for (const order of ['order-1', 'order-2']) {
      await world.open(order, branches('1'));
      await world.done(world.register(order, branches('2')));
    }
    await world.done(world.commit('order-1', '1', '2'));
    await world.done(world.rollback('order-2', { 1: 'done', 2: 'refused' }));
    await world.time.advance(20);
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 2', 'cancel 1', 'cancel 2']);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
    expect((await world.stored('order-2'))?.status).toBe('cancelled');
  });
});

describe('a decision that is not durable yet', () => {
  it('is told to nobody: no hook, no line in the log, no waiter, no call', async () => {
    const told: string[] = [];
    const hooks: CoordinatorInterceptor = {
      decision: (event, next) => {
        told.push(`hook: ${event.decision}`);
        next();
      },
    };
    const world = new EngineWorld({}, [hooks]);
    await world.start();
    await world.open('order-1', branches('1'));
    const wait = { fact: 'decided', timeoutMs: 60_000 } as const;
    void world.engine.wait(gid, wait).then(({ status }) => told.push(`waiter: ${status}`));
    const release = world.store.holdNext();
    const commit = world.commit('order-1', '1');
    await world.time.settle();
    expect(told).toEqual([]);
    expect(world.logger.messages('debug')).not.toContain('decided');
    expect(world.caller.calls).toEqual([]);
    expect((await world.done(world.engine.get(gid))).status).toBe('trying');
    release();
    await world.done(commit);
    expect(told.sort()).toEqual(['hook: confirm', 'waiter: confirming']);
    expect(world.logger.messages('debug')).toContain('decided');
    expect(world.caller.story).toEqual(['confirm 1']);
  });

  it.each([true, false])(
    'keeps every other one waiting while it is in doubt (it took effect: %p)',
    async (applied) => {
      const world = new EngineWorld();
      await world.start();
      await world.open('order-1', branches('1'), { timeoutMs: 1_000 });
      world.store.failNext('unknown', { applied });
      const commit = world.commit('order-1', '1');
      // The next write is the one that resolves the doubt.
      const resolve = world.store.holdNext();
      const rollback = world.rollback('order-1');
      const refused = expect(rollback).rejects.toMatchObject({ code: 'WRONG_STATUS' });
      // The deadline passes in the doubt, too.
      await world.time.advance(5_000);
      expect(world.caller.calls).toEqual([]);
      expect((await world.done(world.engine.get(gid))).status).toBe('trying');
      resolve();
      await world.time.advance(5_000);
      expect((await commit).status).toBe('confirming');
      await refused;
      expect(world.caller.story).toEqual(['confirm 1']);
      expect(await world.stored('order-1')).toMatchObject({
        status: 'confirmed',
        cause: { kind: 'commit' },
      });
    },
  );
});
