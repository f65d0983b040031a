/** What may happen while a transaction is on its way out of memory, or back (R1–R3). */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, Gid } from '@tercet/core';
import { anOpening } from '@tercet/core/testing';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';

const HOUR_MS = 3_600_000;
const rejects = failed('FAILED_PRECONDITION', 'no', { verdict: 'reject' });

/** `order-1` is parked, and on its way out of memory: its row is not written yet. */
async function aParkedOneLeaving(): Promise<EngineWorld> {
  const world = new EngineWorld({ residentMax: 1 });
  await world.start();
  world.caller.script('1', rejects);
  await world.open('order-1', branches('1'), { timeoutMs: HOUR_MS });
  await world.done(world.commit('order-1', '1'));
  await world.time.advance(50);
  await world.open('order-2', branches('1'), { timeoutMs: HOUR_MS });
  return world;
}

describe('a transaction on its way out of memory', () => {
  it('stays when an operator resumes it meanwhile, and is called at once (R1)', async () => {
    const world = await aParkedOneLeaving();
    expect(
      await world.ordered('order-1', { kind: 'resume', branchIds: ['1' as BranchId] }),
    ).toEqual(['1']);
    await world.time.advance(100);
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 1']);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
    expect(world.engine.absentCount).toBe(0);
    expect(world.engine.residentCount).toBe(1);
  });

  it('stays when its next step has come nearer meanwhile (R1)', async () => {
    const world = new EngineWorld({ residentMax: 1, targetConcurrencyMax: 1 });
    await world.start();
    // order-1 waits for room at its target and is sent away; then it gets room, and fails.
    const later = failed('FAILED_PRECONDITION', 'busy', { verdict: 'retry', retryAfterMs: 3_000 });
    world.caller.script('1', 'hold', later);
    await world.open('order-2', branches('1'), { timeoutMs: HOUR_MS });
    await world.done(world.commit('order-2', '1'));
    await world.open('order-1', branches('1'), { timeoutMs: HOUR_MS });
    await world.done(world.commit('order-1', '1'));
    await world.open('order-3', branches('1'), { timeoutMs: HOUR_MS });
    world.caller.held[0]?.reply(ok);
    await world.time.advance(5_000);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  it('is called by one of us only: what left has no life of its own (F1)', async () => {
    const world = await aParkedOneLeaving();
    world.caller.always('1', 'hold');
    await world.ordered('order-1', { kind: 'resume', branchIds: [] });
    const wait = world.engine.wait('order-1' as Gid, { fact: 'settled', timeoutMs: 500 });
    await world.time.advance(1_000);
    await wait;
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 1']);
  });

  it('leaves nothing behind that could act for it: a late order is told as done', async () => {
    const world = await aParkedOneLeaving();
    const order = { kind: 'resume', branchIds: ['1' as BranchId] } as const;
    const both = Promise.all([world.operate('order-1', order), world.operate('order-1', order)]);
    await world.time.advance(200);
    expect((await both).map(({ changed }) => changed)).toEqual([['1'], []]);
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 1']);
  });
});

describe('a row that is not what memory says', () => {
  /** Somebody has raised the epoch of the row behind our back. */
  async function raiseEpoch(world: EngineWorld, gid: string): Promise<void> {
    const epoch = (await world.stored(gid))?.epoch ?? 0;
    await world.memory.write([{ kind: 'fence', gid: gid as Gid, epoch }]);
  }

  it('found out while a transaction leaves keeps nobody else from coming back (R1)', async () => {
    const world = await aParkedOneLeaving();
    await raiseEpoch(world, 'order-1');
    await world.open('order-3', branches('1'), { timeoutMs: 30_000 });
    await world.open('order-4', branches('1'), { timeoutMs: HOUR_MS });
    await world.time.advance(40_000);
    expect((await world.stored('order-3'))?.status).toBe('cancelled');
    world.caller.always('1', ok);
    expect(await world.ordered('order-1', { kind: 'resume', branchIds: [] })).toEqual(['1']);
    await world.time.advance(100);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  it('fails an order that was on its way, which may be repeated', async () => {
    const world = await aParkedOneLeaving();
    await world.time.advance(50);
    const resume = { kind: 'resume', branchIds: ['1' as BranchId] } as const;
    const order = world.operate('order-1', resume);
    await raiseEpoch(world, 'order-1');
    await world.time.settle();
    await raiseEpoch(world, 'order-1');
    const refused = expect(order).rejects.toMatchObject({ code: 'MOVED' });
    await world.time.advance(50);
    await refused;
    expect(await world.ordered('order-1', resume)).toEqual(['1']);
    await world.time.advance(100);
    expect(world.engine.unfinished).toEqual({ undecided: 1, targets: 1 });
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });
});

describe('a transaction on its way back into memory', () => {
  it('is not kept out by those that cannot leave (R1)', async () => {
    const world = new EngineWorld({ residentMax: 1 });
    await world.start();
    await world.open('waiting', branches('2'), { timeoutMs: 8_000 });
    world.caller.always('1', 'hold');
    const gids = Array.from({ length: 600 }, (_, i) => `busy-${i}`);
    const opened = gids.map((gid) =>
      world.register(gid, branches('1'), { opening: anOpening({ timeoutMs: 4_000 }) }),
    );
    await world.done(Promise.all(opened));
    await world.done(Promise.all(gids.map((gid) => world.commit(gid, '1'))));
    expect(world.engine.absentCount).toBe(1);
    await world.time.advance(12_000);
    expect((await world.stored('waiting'))?.status).not.toBe('trying');
  });

  it('comes with a later scan when the store could not be read (R1)', async () => {
    const world = new EngineWorld({ residentMax: 1 });
    await world.start();
    for (const i of [1, 2, 3]) await world.open(`order-${i}`, branches('1'));
    world.store.readable = 'places';
    await world.time.advance(62_000);
    world.store.readable = 'all';
    await world.time.advance(30_000);
    for (const i of [1, 2, 3]) expect((await world.stored(`order-${i}`))?.status).toBe('cancelled');
    expect(world.engine.absentCount).toBe(0);
    expect(world.engine.residentCount).toBe(0);
  });

  it('comes though another one cannot be read (R1)', async () => {
    const world = new EngineWorld({ residentMax: 1 });
    await world.start();
    for (const i of [1, 2, 3]) await world.open(`order-${i}`, branches('1'));
    const loadOwned = world.store.loadOwned.bind(world.store);
    world.store.loadOwned = (gid) =>
      gid === 'order-1' ? Promise.reject(new Error('a broken row')) : loadOwned(gid);
    await world.time.advance(90_000);
    expect((await world.stored('order-2'))?.status).toBe('cancelled');
    expect((await world.stored('order-1'))?.status).toBe('trying');
  });

  it('is shown once among the stuck ones, whether it leaves or comes while they are read', async () => {
    const world = new EngineWorld({ residentMax: 2 });
    await world.start();
    world.caller.always('1', rejects);
    for (const i of [1, 2, 3, 4]) {
      await world.open(`order-${i}`, branches('1'), { timeoutMs: HOUR_MS });
      await world.done(world.commit(`order-${i}`, '1'));
    }
    await world.time.advance(100);
    const stuck = world.engine.stuck();
    // Coming to wait brings one back, and sends another one away.
    const wait = world.engine.wait('order-1' as Gid, { fact: 'settled', timeoutMs: 1_000 });
    await world.time.advance(2_000);
    await wait;
    expect((await stuck).map(({ tx }) => tx.gid)).toEqual([1, 2, 3, 4].map((i) => `order-${i}`));
  });
});

describe('a stop', () => {
  /** Two transactions that wait behind the gate of a target that is down. */
  async function aGatedWorld(): Promise<EngineWorld> {
    const world = new EngineWorld();
    await world.start();
    world.caller.always('1', failed('UNAVAILABLE'));
    world.caller.setConnection(branches('1')[0]?.target ?? '', 'down');
    for (const gid of ['order-1', 'order-2']) {
      await world.open(gid, branches('1'));
      await world.done(world.commit(gid, '1'));
    }
    return world;
  }

  it('answers an order about a branch that waits behind a gate', async () => {
    const world = await aGatedWorld();
    const verdict = { asserted: 'confirmed', by: 'ann', reason: 'by hand' } as const;
    const order = world.operate('order-2', {
      kind: 'resolve',
      branchId: '1' as BranchId,
      ...verdict,
    });
    const stopped = world.engine.stop(10_000);
    await world.time.advance(1_000);
    await stopped;
    expect((await order).changed).toEqual(['1']);
    expect((await world.stored('order-2'))?.status).toBe('confirmed');
    expect(world.time.pending).toBe(0);
  });

  it('ends a wait whose transaction was just being read back', async () => {
    const world = new EngineWorld({ residentMax: 1 });
    await world.start();
    for (const i of [1, 2]) await world.open(`order-${i}`, branches('1'));
    const wait = world.engine.wait('order-1' as Gid, { fact: 'settled', timeoutMs: 30_000 });
    const stopped = world.engine.stop(10_000);
    await world.time.settle();
    await stopped;
    expect((await wait).status).toBe('trying');
    expect(world.time.pending).toBe(0);
  });

  it('leaves no timer behind when a scan was under way', async () => {
    const world = new EngineWorld({ residentMax: 1 });
    await world.start();
    for (const i of [1, 2]) await world.open(`order-${i}`, branches('1'));
    let answer: (() => void) | undefined;
    const asked = new Promise<void>((resolve) => (answer = resolve));
    const due = world.memory.due.bind(world.memory);
    world.store.due = (query) => asked.then(() => due({ ...query, before: Infinity }));
    await world.time.advance(1_500);
    await world.done(world.engine.stop(10_000));
    answer?.();
    await world.time.settle();
    expect(world.time.pending).toBe(0);
  });
});

describe('a call that breaks its promise', () => {
  it('is made again later, and is in no stop’s way', async () => {
    const world = new EngineWorld();
    await world.start();
    let calls = 0;
    const { caller } = world;
    const call = caller.call.bind(caller);
    caller.call = (given) => {
      if (++calls === 1) throw new Error('bug');
      return call(given);
    };
    await world.open('order-1', branches('1'));
    await world.done(world.commit('order-1', '1'));
    expect(calls).toBe(1);
    await world.time.advance(2_000);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
    await world.done(world.engine.stop(10_000));
    expect(world.time.pending).toBe(0);
  });
});
