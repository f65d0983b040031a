/** Transactions of a restored store on the engine (core's R1–R3): nothing happens before an operator says so. */
import { describe, expect, it } from '@jest/globals';
import { type BranchId, type OperatorEvent, restored } from '@tercet/core';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { nextAt } from '../store/moves/whole';
import type { StoreOperation } from '../store/store';

const day = 86_400_000;
const resume: OperatorEvent = { kind: 'resume', branchIds: [] };

function resolve(asserted: 'confirmed' | 'cancelled', id = '1'): OperatorEvent {
  const branchId = id as BranchId;
  return { kind: 'resolve', branchId, asserted, by: 'ann', reason: 'the books say so' };
}

/** The engine's next life, on a store in which everything unfinished was parked. */
async function afterRestore(world: EngineWorld): Promise<EngineWorld> {
  const { memory } = world;
  await memory.close();
  await memory.open('keeper');
  const page = await memory.claim(1_000);
  const parked = page.map(restored);
  await memory.write(
    parked.map((tx): StoreOperation => ({ kind: 'progress', tx, nextAt: nextAt(tx) })),
  );
  await world.crash();
  return world;
}

async function trying(world = new EngineWorld()): Promise<EngineWorld> {
  await world.start();
  await world.open('order-1', branches('1', '2'));
  return await afterRestore(world);
}

async function confirming(): Promise<EngineWorld> {
  const world = new EngineWorld();
  await world.start();
  await world.open('order-1', branches('1', '2'));
  world.caller.always('1', 'hold');
  world.caller.always('2', 'hold');
  await world.done(world.commit('order-1', '1', '2'));
  return await afterRestore(world);
}

describe('a transaction that came back undecided', () => {
  it('is not decided by time, calls nobody, and is shown as stuck', async () => {
    const world = await trying();
    await world.time.advance(30 * day);
    expect(world.caller.calls).toEqual([]);
    expect((await world.stored('order-1'))?.status).toBe('trying');
    expect(await world.engine.stuck()).toMatchObject([
      { reason: 'restored', branch: { spec: { id: '1' }, parked: true } },
      { reason: 'restored', branch: { spec: { id: '2' }, parked: true } },
    ]);
  });

  it('is shown as stuck while it is not in memory', async () => {
    const world = await trying(new EngineWorld({ residentMax: 1 }));
    await world.open('order-2', branches('1'));
    await world.open('order-3', branches('1'));
    await world.time.advance(1_000);
    expect(world.engine.absentCount).toBeGreaterThan(0);
    expect(await world.engine.stuck()).toHaveLength(2);
  });

  it('takes no further branch; its initiator is told', async () => {
    const world = await trying();
    await expect(world.done(world.register('order-1', branches('3')))).rejects.toMatchObject({
      code: 'PHASE_ONE_OVER',
    });
  });

  it('may be decided by its initiator, and still calls nobody before an operator resumes it', async () => {
    const world = await trying();
    await world.done(world.commit('order-1', '1', '2'));
    await world.time.advance(day);
    expect(world.caller.calls).toEqual([]);
    expect(await world.engine.stuck()).toHaveLength(2);
    expect(await world.ordered('order-1', resume)).toEqual(['1', '2']);
    await world.time.advance(50);
    expect(world.caller.story.slice().sort()).toEqual(['confirm 1', 'confirm 2']);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  it('is cancelled when an operator resumes it; to ask twice does no harm', async () => {
    const world = await trying();
    await world.time.advance(day);
    expect(await world.ordered('order-1', resume)).toEqual(['1', '2']);
    expect(await world.ordered('order-1', resume)).toEqual([]);
    await world.time.advance(50);
    expect(world.caller.story.slice().sort()).toEqual(['cancel 1', 'cancel 2']);
    expect(await world.stored('order-1')).toMatchObject({
      status: 'cancelled',
      cause: { kind: 'rollback', reason: expect.stringContaining('an operator resumed it') },
    });
  });

  it('is decided by a verdict, and the other branches stay parked', async () => {
    const world = await trying();
    expect(await world.ordered('order-1', resolve('confirmed'))).toEqual(['1']);
    await world.time.advance(day);
    expect(world.caller.calls).toEqual([]);
    const tx = await world.stored('order-1');
    expect(tx).toMatchObject({ status: 'confirming', cause: { kind: 'commit' } });
    expect(tx?.branches).toMatchObject([
      { status: 'confirmed', verdict: { by: 'ann' } },
      { status: 'registered', parked: true },
    ]);
    expect(await world.ordered('order-1', resume)).toEqual(['2']);
    await world.time.advance(50);
    expect(world.caller.story).toEqual(['confirm 2']);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
    expect(world.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
  });

  it('ends with verdicts on all of its branches, and nobody was called', async () => {
    const world = await trying();
    await world.ordered('order-1', resolve('cancelled'));
    await world.ordered('order-1', resolve('cancelled', '2'));
    await world.time.advance(50);
    expect((await world.stored('order-1'))?.status).toBe('cancelled');
    expect(world.caller.calls).toEqual([]);
    expect(world.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
  });

  it('obeys the decision that came first: a contradicting verdict is refused', async () => {
    const world = await trying();
    const commit = world.commit('order-1', '1', '2');
    const verdict = world.operate('order-1', resolve('cancelled'));
    verdict.catch(() => undefined);
    await world.done(commit);
    await world.time.advance(50);
    await expect(verdict).rejects.toMatchObject({ code: 'NOT_BUILT_YET' });
    expect((await world.stored('order-1'))?.status).toBe('confirming');
  });

  it('is held over restarts', async () => {
    const world = await trying();
    await world.crash();
    await world.time.advance(day);
    expect(world.caller.calls).toEqual([]);
    expect((await world.stored('order-1'))?.status).toBe('trying');
  });
});

describe('a transaction that came back decided', () => {
  it('calls nobody for as long as no operator resumes it, then settles', async () => {
    const world = await confirming();
    await world.time.advance(30 * day);
    expect(world.caller.calls).toEqual([]);
    expect(await world.engine.stuck()).toMatchObject([
      { reason: 'restored' },
      { reason: 'restored' },
    ]);
    expect(await world.ordered('order-1', resume)).toEqual(['1', '2']);
    await world.time.advance(50);
    expect(world.caller.story.slice().sort()).toEqual(['confirm 1', 'confirm 2']);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  it('cannot be retried without being resumed', async () => {
    const world = await confirming();
    const retry: OperatorEvent = { kind: 'retry', branchIds: [] };
    await expect(world.done(world.operate('order-1', retry))).rejects.toMatchObject({
      code: 'BRANCH_PARKED',
    });
  });
});
