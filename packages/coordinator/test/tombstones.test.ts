/** An engine in front of tombstones: who asks again is answered as before, as far as they know. */
import { describe, expect, it } from '@jest/globals';
import type { Gid, GlobalTransaction } from '@tercet/core';
import { anOpening } from '@tercet/core/testing';
import { EngineWorld, branches, otherRun, run } from './support/engine-world';
import { failed } from './support/scripted-caller';

const gid = 'order-1' as Gid;

/** A transaction of two branches that ended, and of which a tombstone is left. */
async function buried(how: 'commit' | 'rollback' = 'commit'): Promise<EngineWorld> {
  const world = new EngineWorld();
  await world.start();
  await world.open(gid, branches('1', '2'));
  await world.done(
    how === 'commit'
      ? world.commit(gid, '1', '2')
      : world.rollback(gid, { 1: 'refused', 2: 'done' }),
  );
  await world.time.advance(1_000);
  const always = Number.MAX_SAFE_INTEGER;
  const step = await world.memory.expire({ finishedBefore: always, forgetBefore: 0, limit: 9 });
  expect(step.expired).toBe(1);
  return world;
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'resolved',
    (error: { readonly code?: string }) => error.code ?? error,
  );
}

describe('a tombstone', () => {
  it('answers get and wait with what it knows', async () => {
    const world = await buried();
    const expected = {
      status: 'confirmed',
      runId: run,
      branches: [],
      tombstone: { branches: 2, resultDigest: undefined },
    };
    expect(await world.done(world.engine.get(gid))).toMatchObject(expected);
    const wait = world.engine.wait(gid, { fact: 'settled', timeoutMs: 5_000 } as never);
    expect(await world.done(wait)).toMatchObject(expected);
    expect(await world.done(world.engine.result(gid))).toBeUndefined();
  });

  it('answers a repeated commit and rollback of its run as before', async () => {
    const committed = await buried();
    expect(await committed.done(committed.commit(gid, '1', '2'))).toMatchObject({
      status: 'confirmed',
    });
    const cancelled = await buried('rollback');
    const answer: GlobalTransaction = await cancelled.done(cancelled.rollback(gid));
    expect(answer).toMatchObject({ status: 'cancelled', tombstone: { branches: 2 } });
  });

  it('refuses what contradicts it, and every registration', async () => {
    const world = await buried();
    const opening = anOpening();
    const specs = branches('1', '2');
    expect(await refusal(world.done(world.rollback(gid)))).toBe('WRONG_STATUS');
    expect(await refusal(world.done(world.commit(gid, '1')))).toBe('BRANCHES_MISMATCH');
    expect(await refusal(world.done(world.register(gid, specs, { opening })))).toBe(
      'ALREADY_DECIDED',
    );
    const stranger = world.register(gid, specs, { opening, runId: otherRun });
    expect(await refusal(world.done(stranger))).toBe('ANOTHER_RUN');
    const other = world.register(gid, specs, { opening: anOpening({ name: 'refund' }) });
    expect(await refusal(world.done(other))).toBe('GID_CONFLICT');
    expect(world.engine.residentCount).toBe(0);
  });

  it('leaves nothing to do for operators', async () => {
    const world = await buried();
    const retry = world.engine.operate(gid, { kind: 'retry', branchIds: [] });
    expect((await world.done(retry)).changed).toEqual([]);
  });

  it('is in nobody’s way: what is unfinished stays and goes on (I7)', async () => {
    const world = await buried();
    await world.open('stuck', branches('1'));
    world.caller.always('1', failed('UNAVAILABLE', 'away'));
    await world.done(world.commit('stuck', '1'));
    await world.time.advance(60_000);
    const always = Number.MAX_SAFE_INTEGER;
    const step = { finishedBefore: always, forgetBefore: always, limit: 9 };
    expect(await world.memory.expire(step)).toMatchObject({ expired: 0, forgotten: 1 });
    expect(await world.stored('stuck')).toMatchObject({ status: 'confirming' });
    expect((await world.done(world.engine.get('stuck' as Gid))).branches).toHaveLength(1);
    expect(await refusal(world.done(world.engine.get(gid)))).toBe('TRANSACTION_NOT_FOUND');
  });
});
