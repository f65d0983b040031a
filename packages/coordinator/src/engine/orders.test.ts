/** Operators' orders on the engine: parked branches, retry, resume, resolve (core's O1–O4, and durable before told). */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, OperatorEvent } from '@tercet/core';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';

const one = '1' as BranchId;
const retry: OperatorEvent = { kind: 'retry', branchIds: [] };
const resume: OperatorEvent = { kind: 'resume', branchIds: [] };

function resolve(asserted: 'confirmed' | 'cancelled', branchId = one): OperatorEvent {
  return { kind: 'resolve', branchId, asserted, by: 'ann', reason: 'the service is gone' };
}

const rejects = failed('FAILED_PRECONDITION', 'hold expired', { verdict: 'reject' });

/** A confirming transaction whose first branch gets `reply` at every call; the second answers OK. */
async function confirming(reply: ReturnType<typeof failed> | 'hold', world = new EngineWorld()) {
  await world.start();
  await world.open('order-1', branches('1', '2'));
  world.caller.always('1', reply);
  await world.done(world.commit('order-1', '1', '2'));
  await world.time.advance(50);
  return world;
}

function branchOf(world: EngineWorld, id = '1') {
  return world.engine
    .get('order-1' as never)
    .then((tx) => tx.branches.find(({ spec }) => spec.id === id));
}

describe('a parked branch', () => {
  it.each([
    ['reject', 'rejected'],
    ['park', 'parked'],
    ['conflict', 'barrier'],
  ])(
    'after the verdict %s is called no more, shown as %s, and never lost',
    async (verdict, reason) => {
      const world = await confirming(failed('FAILED_PRECONDITION', 'no', { verdict }));
      await world.time.advance(86_400_000);
      expect(world.caller.story.filter((call) => call === 'confirm 1')).toHaveLength(1);
      expect(await world.engine.stuck()).toMatchObject([{ reason, branch: { parked: true } }]);
      expect((await world.stored('order-1'))?.status).toBe('confirming');
      expect((await world.stored('order-1'))?.branches[0]).toMatchObject({ parked: true });
    },
  );

  it('stays parked over a restart', async () => {
    const world = await confirming(rejects);
    await world.crash();
    await world.time.advance(3_600_000);
    expect(world.caller.calls).toEqual([]);
    expect(await world.engine.stuck()).toMatchObject([{ reason: 'rejected' }]);
  });

  it('is called again when an operator resumes it, and keeps its history', async () => {
    const world = await confirming(rejects);
    world.caller.always('1', ok);
    expect(await world.ordered('order-1', resume)).toEqual(['1']);
    await world.time.advance(50);
    const tx = await world.stored('order-1');
    expect(tx?.status).toBe('confirmed');
    expect(tx?.branches[0]).toMatchObject({ parked: false, attempts: { count: 2 } });
  });

  it('is not retried without being resumed: the refusal says so', async () => {
    const world = await confirming(rejects);
    await expect(world.done(world.operate('order-1', retry))).rejects.toMatchObject({
      code: 'BRANCH_PARKED',
      message: 'branch 1 of transaction order-1 is parked: resume it to have it called again',
    });
  });
});

describe('retry', () => {
  it('makes a waiting branch due at once and begins its backoff anew', async () => {
    const world = await confirming(failed('INTERNAL', 'busy'));
    await world.time.advance(600_000);
    const before = await branchOf(world);
    const calls = world.caller.calls.length;
    expect(await world.ordered('order-1', retry)).toEqual(['1']);
    await world.time.settle();
    expect(world.caller.calls).toHaveLength(calls + 1);
    const after = await branchOf(world);
    expect(after?.attempts.count).toBe((before?.attempts.count ?? 0) + 1);
    expect(after?.attempts.streak).toBe(1);
    expect(after?.attempts.firstAt).toBe(before?.attempts.firstAt);
  });

  it('of a finished transaction changes nothing', async () => {
    const world = await confirming(ok);
    expect(await world.done(world.operate('order-1', retry))).toMatchObject({
      changed: [],
      tx: { status: 'confirmed' },
    });
  });

  it('of an undecided one is refused', async () => {
    const world = new EngineWorld();
    await world.start();
    await world.open('order-1', branches('1'));
    await expect(world.done(world.operate('order-1', retry))).rejects.toMatchObject({
      code: 'WRONG_STATUS',
      message: 'nothing to retry: transaction order-1 is trying, nobody has decided yet',
    });
  });

  it('of an unknown gid is TRANSACTION_NOT_FOUND, and leaves nothing in memory', async () => {
    const world = new EngineWorld();
    await world.start();
    await expect(world.done(world.operate('nobody', retry))).rejects.toMatchObject({
      code: 'TRANSACTION_NOT_FOUND',
    });
    expect(world.engine.residentCount).toBe(0);
  });
});

describe('resolve', () => {
  it('completes a branch that nobody can reach, records who, when and why, and finishes', async () => {
    const world = await confirming(failed('UNAVAILABLE', 'no such host'));
    expect(await world.ordered('order-1', resolve('confirmed'))).toEqual(['1']);
    const tx = await world.stored('order-1');
    expect(tx).toMatchObject({ status: 'confirmed' });
    expect(tx?.branches[0]).toMatchObject({
      status: 'confirmed',
      verdict: { asserted: 'confirmed', by: 'ann', reason: 'the service is gone' },
    });
    expect(tx?.branches[0]?.verdict?.at).toBeGreaterThan(tx?.decidedAt ?? 0);
    await world.time.advance(3_600_000);
    expect(await world.engine.stuck()).toEqual([]);
    expect(world.engine.residentCount).toBe(0);
    expect(world.time.pending).toBe(0);
  });

  it('that contradicts the decision is refused', async () => {
    const world = await confirming(rejects);
    await expect(world.done(world.operate('order-1', resolve('cancelled')))).rejects.toMatchObject({
      code: 'NOT_BUILT_YET',
    });
    expect((await branchOf(world))?.verdict).toBeUndefined();
  });

  it('twice records one verdict', async () => {
    const world = await confirming(rejects);
    expect(await world.ordered('order-1', resolve('confirmed'))).toEqual(['1']);
    expect(await world.ordered('order-1', resolve('confirmed'))).toEqual([]);
  });

  it('stops new attempts and waits for the running one: an OK makes the verdict needless', async () => {
    const world = await confirming('hold');
    const order = world.operate('order-1', resolve('confirmed'));
    await world.time.advance(3_000);
    expect((await branchOf(world))?.status).toBe('registered');
    world.caller.held[0]?.reply(ok);
    await world.time.advance(50);
    expect((await order).changed).toEqual([]);
    expect((await world.stored('order-1'))?.branches[0]?.verdict).toBeUndefined();
  });

  it('waits for a running attempt that fails, and then records the verdict without another one', async () => {
    const world = await confirming('hold');
    const order = world.operate('order-1', resolve('confirmed'));
    await world.time.settle();
    world.caller.held[0]?.reply(failed('DEADLINE_EXCEEDED'));
    await world.time.advance(50);
    expect((await order).changed).toEqual(['1']);
    await world.time.advance(600_000);
    expect(world.caller.story.filter((call) => call === 'confirm 1')).toHaveLength(1);
  });

  it('that was given up while the running attempt was awaited is not recorded', async () => {
    const world = await confirming('hold');
    const asked = new AbortController();
    const order = world.engine.operate('order-1' as never, resolve('confirmed'), asked.signal);
    const refused = expect(order).rejects.toMatchObject({
      code: 'CALL_CANCELLED',
      message:
        'branch 1 of order-1 was not resolved: the request was given up while a call of the branch was under way',
    });
    await world.time.advance(1_000);
    asked.abort();
    world.caller.held[0]?.reply(failed('DEADLINE_EXCEEDED'));
    await world.time.advance(50);
    await refused;
    expect((await world.stored('order-1'))?.branches[0]).toMatchObject({
      status: 'registered',
      verdict: undefined,
    });
    // And it is called again.
    world.caller.always('1', ok);
    await world.time.advance(60_000);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  it('is told only when it is durable, and survives a crash then', async () => {
    const world = await confirming(rejects);
    const release = world.store.holdNext();
    const order = world.operate('order-1', resolve('confirmed'));
    let told = false;
    void order.then(() => (told = true));
    await world.time.advance(20);
    expect(told).toBe(false);
    expect((await branchOf(world))?.status).toBe('registered');
    release();
    await world.time.settle();
    expect(told).toBe(true);
    await world.crash();
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  it('that was not durable at a crash has not happened: the branch is still parked and shown', async () => {
    const world = await confirming(rejects);
    world.store.holdNext();
    const order = world.operate('order-1', resolve('confirmed'));
    order.catch(() => undefined);
    await world.time.advance(20);
    await world.crash();
    expect((await world.stored('order-1'))?.branches[0]).toMatchObject({
      parked: true,
      verdict: undefined,
    });
    expect(await world.engine.stuck()).toHaveLength(1);
  });

  it('of an unknown branch names those there are', async () => {
    const world = await confirming(rejects);
    const order = world.operate('order-1', resolve('confirmed', '7' as BranchId));
    await expect(world.done(order)).rejects.toMatchObject({
      code: 'BRANCH_NOT_FOUND',
      message: 'transaction order-1 has no branch 7; it has 1, 2',
    });
  });
});
