/** Several coordinators on one store: any of them answers any command (K1–K3, M1, L1–L3). */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, Gid } from '@tercet/core';
import { EngineWorld, branches, otherRun } from './support/engine-world';
import { NodesWorld, type TestNode } from './support/nodes-world';
import { failed, ok } from './support/scripted-caller';

const HOUR_MS = 3_600_000;
const rejects = failed('FAILED_PRECONDITION', 'no', { verdict: 'reject' });

interface Two {
  readonly world: NodesWorld;
  readonly a: TestNode;
  readonly b: TestNode;
}

async function twoNodes(): Promise<Two> {
  const world = new NodesWorld();
  return { world, a: await world.node('a'), b: await world.node('b') };
}

describe('a command for an undecided transaction of another node', () => {
  it('takes it over and is carried out, without a timer on the way (K2)', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    // Each of these moves no clock: what would wait for one fails.
    await b.register('order-1', branches('2'));
    expect(world.row('order-1')).toEqual({ owner: 'b-1', epoch: 2, status: 'trying' });
    await a.register('order-1', branches('3'));
    expect(world.row('order-1')).toEqual({ owner: 'a-1', epoch: 3, status: 'trying' });
    expect((await b.commit('order-1', '1', '2', '3')).status).toBe('confirming');
    await world.time.advance(50);
    expect(world.row('order-1')).toMatchObject({ owner: 'b-1', status: 'confirmed' });
    expect(b.caller.story.toSorted()).toEqual(['confirm 1', 'confirm 2', 'confirm 3']);
    expect(a.caller.story).toEqual([]);
  });

  it('is answered by what is there, not by what memory held before it was lost', async () => {
    const { a, b, world } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    await b.register('order-1', branches('2'));
    // By the memory of a there is one branch only: to refuse this would roll back what was promised.
    expect((await a.commit('order-1', '1', '2')).status).toBe('confirming');
    expect(world.row('order-1')?.owner).toBe('a-1');
  });

  it('never takes over for a repeated registration whose decision is known already', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    await b.rollback('order-1');
    await expect(a.register('order-1', branches('1'), {})).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
    });
    expect(world.row('order-1')?.owner).toBe('b-1');
  });

  it('an opening that was lost on its way back is repeated at another node', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    await b.register('order-1', branches('1'), {});
    expect(world.row('order-1')).toEqual({ owner: 'b-1', epoch: 2, status: 'trying' });
    await expect(
      a.register('order-1', [{ ...branches('1')[0]!, payload: new Uint8Array([9]) }], {}),
    ).rejects.toMatchObject({ code: 'BRANCH_CONFLICT' });
  });

  it('of another run takes nothing (K1)', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    await expect(b.rollback('order-1', otherRun)).rejects.toMatchObject({ code: 'WRONG_RUN' });
    expect(world.row('order-1')?.owner).toBe('a-1');
  });

  it('leaves the deadline to the new owner, and the old one forgets without an alert', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), { timeoutMs: 20_000 });
    await b.register('order-1', branches('2'));
    await world.time.advance(40_000);
    expect(world.row('order-1')).toMatchObject({ owner: 'b-1', status: 'cancelled' });
    expect(a.caller.story).toEqual([]);
    expect(a.logger.messages('error')).toEqual([]);
    expect(a.logger.messages('warn')).toEqual([]);
    expect([a.engine.residentCount, a.engine.unfinished]).toEqual([
      0,
      { undecided: 0, targets: 0 },
    ]);
    expect(b.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
  });
});

describe('a takeover that does not go through', () => {
  it('is refused with the reason where the row is of a newer version', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    world.shared.setFormat('order-1', 99);
    await expect(b.commit('order-1', '1')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      details: { reason: 'newer_format' },
    });
    expect(world.row('order-1')?.owner).toBe('a-1');
  });

  it('in doubt is repeated as it is: one that took effect says so', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    b.store.failNext('unknown', { applied: true });
    const commit = b.committing('order-1', '1');
    await world.time.advance(1_000);
    expect((await commit).status).toBe('confirming');
    expect(b.store.written.slice(0, 2)).toEqual(['take', 'take']);
    expect(world.row('order-1')).toEqual({ owner: 'b-1', epoch: 2, status: 'confirmed' });
  });

  it('is new work: a store that takes none refuses it at once', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    b.store.failNext('unavailable', { applied: false });
    await expect(b.commit('order-1', '1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(b.commit('order-1', '1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await world.time.advance(2_000);
    expect((await b.commit('order-1', '1')).status).toBe('confirming');
  });

  it('half way, taken but not readable, is gone on with as soon as it can be read (B3)', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), { timeoutMs: 20_000 });
    const release = b.store.holdNext();
    const commit = b.committing('order-1', '1');
    await world.time.settle();
    b.store.readable = 'nothing';
    release();
    await expect(world.done(commit)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(world.row('order-1')?.owner).toBe('b-1');
    await world.time.advance(3_000);
    b.store.readable = 'all';
    await world.time.advance(2_000);
    expect(b.engine.unfinished).toEqual({ undecided: 1, targets: 1 });
    await world.time.advance(30_000);
    expect(world.row('order-1')?.status).toBe('cancelled');
    expect(b.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
  });
});

describe('whoever only asks another node', () => {
  it('is told the truth, and takes nothing (K1)', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    expect((await b.get('order-1')).status).toBe('trying');
    await a.commit('order-1', '1');
    expect((await b.get('order-1')).status).toBe('confirming');
    // A repeat after the decision is answered from the store.
    expect((await b.commit('order-1', '1')).status).toBe('confirming');
    expect(world.row('order-1')).toMatchObject({ owner: 'a-1', epoch: 1 });
  });

  it('is told the truth by one whose memory is late', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    await b.commit('order-1', '1');
    expect((await a.get('order-1')).status).toBe('confirming');
    await world.time.settle();
    expect(a.engine.residentCount).toBe(0);
  });

  it('waits, in one look a second for all who do, and leaves no timer (L1)', async () => {
    const { world, a, b } = await twoNodes();
    const gids = Array.from({ length: 700 }, (_, i) => `order-${i}`);
    for (const gid of gids) await a.register(gid, branches('1'), { timeoutMs: HOUR_MS });
    const ends: string[] = [];
    for (const gid of gids) {
      const wait = b.commands.wait(gid as Gid, { fact: 'settled', timeoutMs: 60_000 });
      void wait.then((tx) => ends.push(tx.status));
    }
    await world.time.advance(2_500);
    expect(b.store.looks).toEqual([500, 200, 500, 200]);
    for (const gid of gids) await a.commit(gid, '1');
    await world.time.advance(1_000);
    expect(ends).toEqual(gids.map(() => 'confirmed'));
    expect(world.row('order-0')?.owner).toBe('a-1');
    const looks = b.store.looks.length;
    await world.time.advance(5_000);
    expect(b.store.looks).toHaveLength(looks);
    expect(b.engine.residentCount).toBe(0);
  });

  it('goes on waiting when its transaction is taken over by another node', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    const wait = a.commands.wait('order-1' as Gid, { fact: 'settled', timeoutMs: 60_000 });
    await world.time.settle();
    await b.commit('order-1', '1');
    await world.time.advance(2_000);
    expect((await world.done(wait)).status).toBe('confirmed');
    expect(a.engine.residentCount).toBe(0);
  });

  it('is released by its own time, and by the end of what is not kept (L3)', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    await a.register('order-2', branches('1'), { timeoutMs: HOUR_MS });
    const short = b.commands.wait('order-1' as Gid, { fact: 'decided', timeoutMs: 1_500 });
    const gone = b.commands.wait('order-2' as Gid, { fact: 'decided', timeoutMs: 60_000 });
    gone.catch(() => undefined);
    await world.time.settle();
    world.shared.rows.delete('order-2');
    b.store.readable = 'nothing';
    await world.time.advance(1_200);
    // A look that fails ends nothing.
    b.store.readable = 'all';
    await world.time.advance(1_000);
    expect((await world.done(short)).status).toBe('trying');
    await expect(world.done(gone)).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
  });
});

describe('an order for a transaction of another node', () => {
  it('takes it over, and both go on from what is there', async () => {
    const { world, a, b } = await twoNodes();
    a.caller.script('1', rejects);
    await a.register('order-1', branches('1'), {});
    await a.commit('order-1', '1');
    await world.time.advance(100);
    expect(await b.ordered('order-1', { kind: 'resume', branchIds: ['1' as BranchId] })).toEqual([
      '1',
    ]);
    await world.time.advance(100);
    expect(world.row('order-1')).toMatchObject({ owner: 'b-1', status: 'confirmed' });
    // a believes that it is parked: its order finds out.
    expect(await a.ordered('order-1', { kind: 'resume', branchIds: [] })).toEqual([]);
    expect(a.engine.residentCount).toBe(0);
    expect(a.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
  });

  it('that it refuses takes nothing', async () => {
    const { world, a, b } = await twoNodes();
    await a.register('order-1', branches('1'), {});
    const retry = { kind: 'retry', branchIds: [] } as const;
    await expect(b.ordered('order-1', retry)).rejects.toMatchObject({ code: 'WRONG_STATUS' });
    expect(world.row('order-1')?.owner).toBe('a-1');
  });

  it('leaves a late answer of the old owner without effect (M1)', async () => {
    const { world, a, b } = await twoNodes();
    a.caller.script('1', 'hold');
    await a.register('order-1', branches('1'), {});
    await a.commit('order-1', '1');
    const at = world.time.now();
    const resolve = { kind: 'resolve', branchId: '1' as BranchId, asserted: 'confirmed' } as const;
    const verdict = { ...resolve, by: 'ann', reason: 'seen', at };
    expect(await b.ordered('order-1', verdict)).toEqual(['1']);
    a.caller.held[0]?.reply(ok);
    await world.time.advance(100);
    expect((await b.get('order-1')).branches[0]?.verdict?.by).toBe('ann');
    expect(world.row('order-1')).toMatchObject({ owner: 'b-1', status: 'confirmed' });
    expect(a.engine.residentCount).toBe(0);
    expect(a.logger.messages('error')).toEqual([]);
  });
});

describe('what was taken over unnoticed', () => {
  it('is found after a while, in memory or not, and counts no more (H1, B1)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a', { residentMax: 5 });
    const b = await world.node('b');
    const gids = Array.from({ length: 20 }, (_, i) => `order-${i}`);
    for (const gid of gids) await a.register(gid, branches('1'), { timeoutMs: HOUR_MS });
    expect([a.engine.residentCount, a.engine.absentCount]).toEqual([5, 15]);
    for (const gid of gids) await b.register(gid, branches('2'));
    expect(a.engine.unfinished).toEqual({ undecided: 20, targets: 1 });
    await world.time.advance(30_000);
    expect(a.engine.unfinished).toEqual({ undecided: 0, targets: 0 });
    expect([a.engine.residentCount, a.engine.absentCount]).toEqual([0, 0]);
    expect(b.engine.unfinished).toEqual({ undecided: 20, targets: 1 });
  });

  it('is looked for page after page while a limit is half reached', async () => {
    const world = new NodesWorld();
    const a = await world.node('a', { undecidedMax: 2_000 });
    const b = await world.node('b');
    const gids = Array.from({ length: 1_300 }, (_, i) => `order-${i}`);
    for (const gid of gids) await a.register(gid, branches('1'), { timeoutMs: HOUR_MS });
    for (const gid of gids) await b.register(gid, branches('2'));
    await world.time.advance(5_000);
    expect(a.engine.unfinished.undecided).toBe(1_300);
    // All that were opened more than a ttl ago, in one look.
    await world.time.advance(10_000);
    for (let turn = 0; turn < 10; turn++) await world.time.settle();
    expect(a.engine.unfinished.undecided).toBe(0);
  });

  it('keeps no look of its own where the store is not shared', async () => {
    const world = new EngineWorld();
    await world.start();
    expect(world.time.pending).toBe(0);
  });
});
