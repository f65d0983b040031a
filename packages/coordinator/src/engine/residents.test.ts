/** Memory above its limit: waiting transactions leave and come back in time (R1–R3). */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, Gid, OperatorEvent } from '@tercet/core';
import { aBranchSpec, anOpening } from '@tercet/core/testing';
import { EngineWorld, branches, otherRun } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';

const HOUR_MS = 3_600_000;

async function aWorld(residentMax: number, more: { payloadCacheBytesMax?: number } = {}) {
  const world = new EngineWorld({ residentMax, ...more });
  await world.start();
  return world;
}

/** Opens `count` transactions with one branch each. */
async function openMany(world: EngineWorld, count: number, timeoutMs = HOUR_MS): Promise<void> {
  for (let i = 1; i <= count; i++) await world.open(`order-${i}`, branches('1'), { timeoutMs });
}

async function statuses(world: EngineWorld, count: number): Promise<readonly unknown[]> {
  const gids = Array.from({ length: count }, (_, i) => `order-${i + 1}`);
  return Promise.all(gids.map(async (gid) => (await world.stored(gid))?.status));
}

describe('above the limit of residents', () => {
  it('undecided ones leave, the oldest first, and answer as if they were there', async () => {
    const world = await aWorld(3);
    await openMany(world, 10);
    expect(world.engine.residentCount).toBe(3);
    expect(world.engine.absentCount).toBe(7);
    // A repeat of the registration, the truth, and the commit of one that is not in memory.
    const again = world.register('order-1', branches('1'), {
      opening: anOpening({ timeoutMs: HOUR_MS }),
    });
    expect((await world.done(again)).status).toBe('trying');
    expect((await world.done(world.engine.get('order-2' as Gid))).status).toBe('trying');
    expect((await world.done(world.commit('order-3', '1'))).status).toBe('confirming');
    await world.time.advance(50);
    expect((await world.stored('order-3'))?.status).toBe('confirmed');
  });

  it('a repeated registration with other bytes is found out though memory has none of them', async () => {
    const world = await aWorld(1);
    await openMany(world, 3);
    const other = [aBranchSpec({ payload: Uint8Array.of(9) })];
    for (const gid of ['order-1', 'order-3']) {
      const again = world.register(gid, other, { opening: anOpening({ timeoutMs: HOUR_MS }) });
      await expect(world.done(again)).rejects.toMatchObject({ code: 'BRANCH_CONFLICT' });
    }
  });

  it('a repeated registration is a repeat though its bytes have left the cache', async () => {
    const world = await aWorld(10, { payloadCacheBytesMax: 1 });
    await openMany(world, 1);
    const opening = anOpening({ timeoutMs: HOUR_MS });
    const again = world.register('order-1', branches('1'), { opening });
    expect((await world.done(again)).branches).toHaveLength(1);
  });

  it('each is cancelled at its deadline, wherever it is (R1)', async () => {
    const world = await aWorld(2);
    await openMany(world, 8, 60_000);
    await world.time.advance(90_000);
    expect(await statuses(world, 8)).toEqual(Array(8).fill('cancelled'));
    expect(world.engine.absentCount).toBe(0);
  });

  it('those that wait for their next attempt leave, and are called again in time', async () => {
    const world = await aWorld(2);
    world.caller.always('1', failed('UNIMPLEMENTED'));
    await openMany(world, 6);
    for (let i = 1; i <= 6; i++) await world.done(world.commit(`order-${i}`, '1'));
    await world.time.advance(1_000);
    expect(world.engine.residentCount).toBeLessThanOrEqual(2);
    world.caller.always('1', ok);
    // The slow schedule: between half a minute and a minute.
    await world.time.advance(75_000);
    expect(await statuses(world, 6)).toEqual(Array(6).fill('confirmed'));
  });

  it('writes when they have to be back, so that a restart knows, too (R3)', async () => {
    const world = await aWorld(1);
    world.caller.always('1', failed('UNIMPLEMENTED'));
    await openMany(world, 3);
    for (let i = 1; i <= 3; i++) await world.done(world.commit(`order-${i}`, '1'));
    await world.time.advance(1_000);
    const due = await world.memory.due({
      before: world.time.now() + HOUR_MS,
      after: undefined,
      limit: 9,
    });
    expect(due).toHaveLength(3);
    for (const { nextAt } of due) expect(nextAt).toBeLessThanOrEqual(world.time.now() + 60_000);
  });

  it('shows stuck branches that are not in memory', async () => {
    const world = await aWorld(1);
    world.caller.always('1', failed('FAILED_PRECONDITION', 'no', { verdict: 'reject' }));
    await openMany(world, 4);
    for (let i = 1; i <= 4; i++) await world.done(world.commit(`order-${i}`, '1'));
    await world.time.advance(1_000);
    expect(world.engine.absentCount).toBeGreaterThan(0);
    const stuck = await world.done(world.engine.stuck());
    expect(stuck.map(({ tx }) => tx.gid)).toEqual(['order-1', 'order-2', 'order-3', 'order-4']);
  });

  it('an operator resumes and resolves one that is not in memory', async () => {
    const world = await aWorld(1);
    world.caller.always('1', failed('FAILED_PRECONDITION', 'no', { verdict: 'reject' }));
    await openMany(world, 3);
    for (let i = 1; i <= 3; i++) await world.done(world.commit(`order-${i}`, '1'));
    await world.time.advance(1_000);
    world.caller.always('1', ok);
    const resolve: OperatorEvent = {
      kind: 'resolve',
      branchId: '1' as BranchId,
      asserted: 'confirmed',
      by: 'ann',
      reason: 'done by hand',
    };
    expect(await world.ordered('order-1', { kind: 'resume', branchIds: [] })).toEqual(['1']);
    expect(await world.ordered('order-2', resolve)).toEqual(['1']);
    await world.time.advance(100);
    expect(await statuses(world, 3)).toEqual(['confirmed', 'confirmed', 'confirming']);
  });

  it('one that somebody waits for stays, and is brought back for those who come to wait', async () => {
    const world = await aWorld(1);
    await openMany(world, 3);
    const wait = world.engine.wait('order-1' as Gid, { fact: 'settled', timeoutMs: 30_000 });
    await world.time.settle();
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(50);
    expect((await wait).status).toBe('confirmed');
  });

  it('a restart with more than fit takes over all of them', async () => {
    const world = await aWorld(2);
    world.caller.always('1', 'hold');
    await openMany(world, 9);
    for (let i = 1; i <= 6; i++) await world.done(world.commit(`order-${i}`, '1'));
    const restart = world.crash();
    await world.time.advance(500);
    expect((await restart).resumed).toBe(9);
    await world.time.advance(HOUR_MS + 10_000);
    expect(await statuses(world, 9)).toEqual([
      ...Array<string>(6).fill('confirmed'),
      ...Array<string>(3).fill('cancelled'),
    ]);
    expect(world.engine.residentCount).toBe(0);
  });

  it('busy ones stay however many they are', async () => {
    const world = await aWorld(1);
    world.caller.always('1', 'hold');
    await openMany(world, 5);
    for (let i = 1; i <= 5; i++) await world.done(world.commit(`order-${i}`, '1'));
    await world.time.advance(500);
    expect(world.caller.held).toHaveLength(5);
    expect(world.engine.residentCount).toBe(5);
    for (const { reply } of world.caller.held) reply(ok);
    await world.time.advance(50);
    expect(world.engine.residentCount).toBe(0);
  });

  it('what waits behind a down target leaves, and is called when it is back', async () => {
    const world = await aWorld(2);
    const { target } = aBranchSpec();
    world.caller.always('1', failed('UNAVAILABLE', 'connect ECONNREFUSED'));
    world.caller.setConnection(target, 'down');
    await openMany(world, 8);
    for (let i = 1; i <= 8; i++) await world.done(world.commit(`order-${i}`, '1'));
    await world.time.advance(5_000);
    expect(world.engine.residentCount).toBeLessThanOrEqual(2);
    expect(world.caller.calls.length).toBeLessThan(8);
    // Why it is held back goes with it (R3).
    expect((await world.stored('order-2'))?.branches[0]?.attempts).toMatchObject({
      stuckReason: 'unreachable',
      lastFailure: { message: 'connect ECONNREFUSED' },
    });
    world.caller.always('1', ok);
    world.caller.ready(target);
    await world.time.advance(120_000);
    expect(await statuses(world, 8)).toEqual(Array(8).fill('confirmed'));
  });
});

describe('payloads', () => {
  it('are read again at the attempt when they have left the cache, byte for byte', async () => {
    const world = await aWorld(10, { payloadCacheBytesMax: 1 });
    const spec = aBranchSpec({ payload: Uint8Array.of(1, 2), cancelPayload: Uint8Array.of(3) });
    await world.open('order-1', [spec]);
    await world.open('order-2', [spec]);
    await world.done(world.commit('order-1', '1'));
    await world.done(world.rollback('order-2', { 1: 'done' }));
    expect(world.caller.calls.map(({ payload }) => [...payload])).toEqual([[1, 2], [3]]);
  });

  it('that cannot be read are no attempt: they are read again', async () => {
    const world = await aWorld(10, { payloadCacheBytesMax: 1 });
    await world.open('order-1', branches('1'));
    const { loadPayloads } = world.memory;
    let fails = 3;
    world.memory.loadPayloads = (...args) =>
      fails-- > 0
        ? Promise.reject(new Error('unreachable'))
        : loadPayloads.apply(world.memory, args);
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(10_000);
    expect(world.caller.calls).toHaveLength(1);
    expect(await world.stored('order-1')).toMatchObject({
      status: 'confirmed',
      branches: [{ attempts: { count: 1 } }],
    });
  });
});

describe('one run', () => {
  it('of a gid that is not in memory is still told from another', async () => {
    const world = await aWorld(1);
    await openMany(world, 3);
    const opening = anOpening({ timeoutMs: HOUR_MS });
    const again = world.register('order-1', branches('1'), { opening, runId: otherRun });
    await expect(world.done(again)).rejects.toMatchObject({
      code: 'ANOTHER_RUN',
      details: { status: 'trying' },
    });
  });
});
