/** Nodes that come, go, are taken for dead, and find out (C1–C4, V1–V4, W7). */
import { describe, expect, it } from '@jest/globals';
import type { BranchId, Gid } from '@tercet/core';
import { branches } from './support/engine-world';
import { NodesWorld } from './support/nodes-world';
import { failed, ok } from './support/scripted-caller';

const HOUR_MS = 3_600_000;

describe('what a node leaves behind', () => {
  it('is taken over at once when it was taken for dead, and gone on with (C2)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    a.caller.always('1', 'hold');
    await a.register('undecided', branches('1'), { timeoutMs: 30_000 });
    await a.register('decided', branches('1'), {});
    await a.commit('decided', '1');
    const b = await world.node('b');
    expect(world.row('decided')?.owner).toBe('a-1');
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    expect(world.row('undecided')).toMatchObject({ owner: 'b-1', epoch: 2 });
    await world.time.advance(100);
    expect(world.row('decided')).toMatchObject({ owner: 'b-1', status: 'confirmed' });
    await world.time.advance(40_000);
    expect(world.row('undecided')?.status).toBe('cancelled');
    expect(b.logger.messages('info')).toEqual(['took over what no live node owned']);
  });

  it('is taken over when it said goodbye', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    const b = await world.node('b');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    await world.done(a.lives.stop(1_000));
    await a.store.close();
    await world.time.settle();
    expect(world.row('order-1')?.owner).toBe('b-1');
    expect((await b.commit('order-1', '1')).status).toBe('confirming');
  });

  it('is found by the next sweep where nobody told (C2)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    const b = await world.node('b');
    // The goodbye that everybody hears comes while b cannot claim.
    b.store.failNextClaim('unavailable', { applied: false });
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    expect(b.logger.messages('warn')).toHaveLength(1);
    expect(world.row('order-1')?.owner).toBe('a-1');
    await world.time.advance(5_000);
    expect(world.row('order-1')?.owner).toBe('b-1');
  });

  it('is taken over page after page, and its calls leave through the gates', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    const gids = Array.from({ length: 1_200 }, (_, i) => `order-${i}`);
    a.caller.always('1', 'hold');
    for (const gid of gids) {
      await a.register(gid, branches('1'), { timeoutMs: HOUR_MS });
      await a.commit(gid, '1');
    }
    const b = await world.node('b', { targetConcurrencyMax: 64 });
    b.caller.always('1', 'hold');
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    expect(gids.filter((gid) => world.row(gid)?.owner === 'b-1')).toHaveLength(1_200);
    expect(b.caller.held).toHaveLength(64);
    expect(b.engine.unfinished).toEqual({ undecided: 0, targets: 1 });
  });

  it('is left to others by a node whose memory stays full (C3)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    const gids = Array.from({ length: 1_200 }, (_, i) => `order-${i}`);
    for (const gid of gids) {
      a.caller.always('1', 'hold');
      await a.register(gid, branches('1'), { timeoutMs: HOUR_MS });
      await a.commit(gid, '1');
    }
    // All of them are in a call: none can leave its memory.
    const b = await world.node('b', { residentMax: 100 });
    b.caller.always('1', 'hold');
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    expect(gids.filter((gid) => world.row(gid)?.owner === 'b-1')).toHaveLength(500);
    for (const { reply } of b.caller.held) reply(ok);
    b.caller.always('1', ok);
    await world.time.advance(6_000);
    await world.time.advance(6_000);
    expect(gids.filter((gid) => world.row(gid)?.status === 'confirmed')).toHaveLength(1_200);
  });

  it('that a command of ours takes over during a claim is taken over once', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    const b = await world.node('b');
    const release = b.store.holdNextClaim();
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    expect((await b.commit('order-1', '1')).status).toBe('confirming');
    await world.time.advance(100);
    release();
    await world.time.settle();
    expect(world.row('order-1')).toMatchObject({ owner: 'b-1', status: 'confirmed' });
    expect([b.engine.residentCount, b.engine.unfinished]).toEqual([
      0,
      { undecided: 0, targets: 0 },
    ]);
    expect(b.logger.messages('error')).toEqual([]);
  });

  it('is claimed back by a node that did not know that it had lost it', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    a.caller.script('1', failed('FAILED_PRECONDITION', 'no', { verdict: 'reject' }));
    await a.register('order-1', branches('1'), {});
    await a.commit('order-1', '1');
    await world.time.advance(50);
    const b = await world.node('b');
    b.caller.always('1', 'hold');
    await b.ordered('order-1', { kind: 'resume', branchIds: ['1' as BranchId] });
    expect(world.row('order-1')?.owner).toBe('b-1');
    world.shared.remove('b-1', { told: false });
    await world.time.advance(1_000);
    expect(world.row('order-1')).toMatchObject({ owner: 'a-1', status: 'confirmed' });
    expect([a.engine.residentCount, a.engine.unfinished]).toEqual([
      0,
      { undecided: 0, targets: 0 },
    ]);
    expect(a.logger.messages('error')).toEqual([]);
  });
});

describe('a node that was taken for dead', () => {
  it('gives up what it knew, and begins anew under another name (V1, V2)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    a.caller.always('1', 'hold');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    await a.commit('order-1', '1');
    const [held] = a.caller.held;
    world.shared.remove('a-1');
    await world.time.settle();
    expect(a.names).toEqual(['a-1', 'a-2']);
    // Running calls are given up, and what they still answer has no effect.
    expect(held?.call.signal.aborted).toBe(true);
    expect(a.serving).toEqual([false, true]);
    const told = a.logger.lines.filter(({ level }) => level === 'error');
    expect(told.map(({ fields }) => fields['alert'])).toEqual(['P1']);
    expect(a.logger.messages('info')).toContain('serving again as another incarnation');
    // Its own former rows belong to no live node: its first sweep claims them.
    expect(world.row('order-1')).toMatchObject({ owner: 'a-2', epoch: 2 });
    expect((await a.get('order-1')).status).toBe('confirming');
  });

  it('sends back who waits for an answer, and each of them once (V3)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    await a.register('order-2', branches('1'), { timeoutMs: HOUR_MS });
    a.caller.script('1', failed('FAILED_PRECONDITION', 'no', { verdict: 'reject' }));
    await a.commit('order-2', '1');
    await world.time.advance(50);
    const release = a.store.holdNext();
    const answers: string[] = [];
    const note = (work: Promise<unknown>): void =>
      void work.then(
        () => answers.push('ok'),
        (error: { code: string; retryable: boolean }) =>
          answers.push(error.retryable ? 'again' : error.code),
      );
    note(a.committing('order-1', '1'));
    note(a.commands.operate('order-2' as Gid, { kind: 'resume', branchIds: [] }));
    note(a.commands.wait('order-2' as Gid, { fact: 'settled', timeoutMs: 60_000 }));
    note(a.commands.wait('order-1' as Gid, { fact: 'settled', timeoutMs: 60_000 }));
    await world.time.settle();
    a.store.failNextOpen(1);
    world.shared.remove('a-1');
    await world.time.settle();
    note(a.committing('order-1', '1'));
    release();
    await world.time.settle();
    expect(answers).toEqual(['again', 'again', 'again', 'again', 'again']);
    await world.time.advance(10_000);
    expect((await a.commit('order-1', '1')).status).toBe('confirming');
    await world.time.advance(100);
    expect(answers).toHaveLength(5);
  });

  it('and was paused meanwhile does no harm with what it writes late', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    const b = await world.node('b');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    // A batch is under way when the process is stopped.
    const resume = a.store.holdNext();
    const late = a.committing('order-1', '1');
    await world.time.settle();
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    await b.rollback('order-1');
    resume();
    // It finds the row in other hands, and answers from what is there.
    await expect(world.done(late)).rejects.toMatchObject({ code: 'WRONG_STATUS' });
    world.shared.findOut('a-1');
    await world.time.settle();
    expect(a.names).toEqual(['a-1', 'a-2']);
    // The first Cancel of a Try that may be under way has to wait.
    await world.time.advance(HOUR_MS);
    expect(world.row('order-1')).toMatchObject({ owner: 'b-1', status: 'cancelled' });
    expect(a.caller.story).toEqual([]);
  });

  it('tries until its store opens again, and answers nothing meanwhile (V2, V3)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    a.store.failNextOpen(3);
    world.shared.remove('a-1');
    await world.time.settle();
    expect(a.serving).toEqual([false]);
    await expect(a.get('order-1')).rejects.toMatchObject({ code: 'MOVED', retryable: true });
    await world.time.advance(10_000);
    expect(a.serving).toEqual([false, true]);
    expect(a.logger.messages('warn')).toEqual(Array(3).fill('not begun anew yet'));
    expect((await a.get('order-1')).status).toBe('trying');
  });

  it('stops like any other, also between two lives, and leaves no timer', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    a.store.failNextOpen(100);
    world.shared.remove('a-1');
    await world.time.advance(1_000);
    await world.done(a.lives.stop(1_000));
    await a.store.close();
    expect(world.time.pending).toBe(0);
    const b = await world.node('b');
    world.shared.remove('b-1');
    await world.time.settle();
    await world.done(b.lives.stop(1_000));
    await b.store.close();
    expect(world.time.pending).toBe(0);
  });

  it('goes on when it is taken for dead again and again', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    await a.register('order-1', branches('1'), { timeoutMs: HOUR_MS });
    for (let i = 1; i <= 5; i++) {
      world.shared.remove(`a-${i}`);
      await world.time.settle();
    }
    expect(a.name).toBe('a-6');
    expect((await a.commit('order-1', '1')).status).toBe('confirming');
  });
});

describe('a claim in doubt', () => {
  it('ends the life: rows may have become its that nothing shows (C4, V4)', async () => {
    const world = new NodesWorld();
    const a = await world.node('a');
    await a.register('order-1', branches('1'), { timeoutMs: 30_000 });
    const b = await world.node('b');
    b.store.failNextClaim('unknown', { applied: true });
    world.shared.remove('a-1', { told: false });
    await world.time.settle();
    expect(b.names).toEqual(['b-1', 'b-2']);
    expect(b.logger.messages('error')).toEqual([]);
    expect(world.row('order-1')).toMatchObject({ owner: 'b-2', epoch: 3 });
    await world.time.advance(40_000);
    expect(world.row('order-1')?.status).toBe('cancelled');
  });
});
