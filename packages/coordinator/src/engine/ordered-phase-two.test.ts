/** Phase two in an order: a branch is called after its predecessor's OK, and a parked one blocks its successors (P3). */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, OperatorEvent, PhaseTwoOrder } from '@tercet/core';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';

async function decided(
  phaseTwoOrder: PhaseTwoOrder,
  decision: 'commit' | 'rollback',
  prepare: (world: EngineWorld) => void = () => undefined,
): Promise<EngineWorld> {
  const world = new EngineWorld();
  await world.start();
  const policy = { onTimeout: 'cancel', phaseTwoOrder } as const;
  await world.open('order-1', branches('1', '2', '3'), { policy });
  prepare(world);
  const told = { 1: 'done', 2: 'done', 3: 'done' } as const;
  await world.done(
    decision === 'commit'
      ? world.commit('order-1', '1', '2', '3')
      : world.rollback('order-1', told),
  );
  await world.time.advance(50);
  return world;
}

describe('ordered phase two', () => {
  it.each([
    ['registration', 'commit', ['confirm 1', 'confirm 2', 'confirm 3']],
    ['reverse', 'commit', ['confirm 3', 'confirm 2', 'confirm 1']],
    ['registration', 'rollback', ['cancel 1', 'cancel 2', 'cancel 3']],
    ['reverse', 'rollback', ['cancel 3', 'cancel 2', 'cancel 1']],
  ] as const)('%s at %s', async (order, decision, story) => {
    const world = await decided(order, decision);
    expect(world.caller.story).toEqual(story);
    expect((await world.stored('order-1'))?.finishedAt).toBeDefined();
  });

  it('calls the next one only after the OK', async () => {
    const world = await decided('registration', 'commit', ({ caller }) =>
      caller.always('1', 'hold'),
    );
    await world.time.advance(4_000);
    expect(world.caller.story).toEqual(['confirm 1']);
    world.caller.held[0]?.reply(ok);
    await world.time.settle();
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 2', 'confirm 3']);
  });

  it('repeats a failing one and does not pass it', async () => {
    const world = await decided('reverse', 'rollback', ({ caller }) =>
      caller.script('2', failed('INTERNAL'), failed('INTERNAL')),
    );
    await world.time.advance(600_000);
    expect(world.caller.story).toEqual([
      'cancel 3',
      'cancel 2',
      'cancel 2',
      'cancel 2',
      'cancel 1',
    ]);
  });

  it('goes on in order after a crash', async () => {
    const world = await decided('registration', 'commit', ({ caller }) =>
      caller.always('2', 'hold'),
    );
    await world.crash();
    await world.time.advance(50);
    expect(world.caller.story.slice(-2)).toEqual(['confirm 2', 'confirm 3']);
  });

  it('a parked branch blocks its successors until it is resumed or resolved', async () => {
    const parks = failed('FAILED_PRECONDITION', 'ask Ann', { verdict: 'park' });
    const world = await decided('registration', 'commit', ({ caller }) =>
      caller.script('2', parks),
    );
    await world.time.advance(86_400_000);
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 2']);
    // Only the parked one is stuck: the other waits for it.
    expect(await world.engine.stuck()).toMatchObject([{ branch: { spec: { id: '2' } } }]);
    const verdict: OperatorEvent = {
      kind: 'resolve',
      branchId: '2' as BranchId,
      asserted: 'confirmed',
      by: 'ann',
      reason: 'booked by hand',
    };
    await world.ordered('order-1', verdict);
    await world.time.advance(50);
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 2', 'confirm 3']);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });
});
