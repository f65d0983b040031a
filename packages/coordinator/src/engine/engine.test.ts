import { describe, expect, it } from '@jest/globals';
import type { BranchId, Gid } from '@tercet/core';
import { anOpening } from '@tercet/core/testing';
import { StoreFailure } from '../store/store';
import { EngineWorld, branches, otherRun, run } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';

async function aWorld(): Promise<EngineWorld> {
  const world = new EngineWorld();
  await world.start();
  return world;
}

const gid = 'order-1' as Gid;

describe('phase one', () => {
  it('answers a registration only when it is durable (I4)', async () => {
    const world = await aWorld();
    const release = world.store.holdNext();
    let answered = false;
    const opening = world.register('order-1', branches('1', '2'), { opening: anOpening() });
    void opening.then(() => (answered = true));
    await world.time.settle();
    expect(answered).toBe(false);
    release();
    const tx = await world.done(opening);
    expect(tx.branches.map((b) => b.spec.id)).toEqual(['1', '2']);
    expect((await world.stored('order-1'))?.status).toBe('trying');
  });

  it('lets registrations that came before the first answer extend the transaction', async () => {
    const world = await aWorld();
    const opening = anOpening();
    const both = Promise.all([
      world.register('order-1', branches('1'), { opening }),
      world.register('order-1', branches('2'), { opening }),
    ]);
    await world.done(both);
    expect((await world.stored('order-1'))?.branches).toHaveLength(2);
  });

  it('refuses a registration without opening of a gid that nobody knows', async () => {
    const world = await aWorld();
    await expect(world.done(world.register('order-1', branches('1')))).rejects.toMatchObject({
      code: 'TRANSACTION_NOT_FOUND',
    });
    expect(world.engine.residentCount).toBe(0);
  });

  it('answers another run with ANOTHER_RUN and the status, while unfinished and afterwards', async () => {
    const world = await aWorld();
    const again = (): Promise<unknown> =>
      world.done(
        world.register('order-1', branches('1'), { opening: anOpening(), runId: otherRun }),
      );
    await world.open('order-1', branches('1'));
    await expect(again()).rejects.toMatchObject({
      code: 'ANOTHER_RUN',
      details: { status: 'trying' },
    });
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(50);
    expect(world.engine.residentCount).toBe(0);
    await expect(again()).rejects.toMatchObject({
      code: 'ANOTHER_RUN',
      details: { status: 'confirmed' },
    });
  });

  it('makes registrations wait for a pending decision and answers them with it', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.always('1', 'hold');
    const release = world.store.holdNext();
    const commit = world.commit('order-1', '1');
    const late = world.register('order-1', branches('1'), { opening: anOpening() });
    let answered = false;
    void late.catch(() => (answered = true));
    await world.time.settle();
    expect(answered).toBe(false);
    release();
    await world.done(commit);
    await expect(late).rejects.toMatchObject({
      code: 'ALREADY_DECIDED',
      details: { status: 'confirming' },
    });
  });

  it('drops a registration whose caller has stopped waiting, before it is written', async () => {
    const world = await aWorld();
    const release = world.store.holdNext();
    const first = world.open('order-0', branches('1'));
    await world.time.settle();
    const late = world.register('order-1', branches('1'), {
      opening: anOpening(),
      expiresAt: world.time.now() + 10,
    });
    const answer = expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await world.time.advance(20);
    release();
    await first;
    await world.time.settle();
    await answer;
    expect(await world.stored('order-1')).toBeUndefined();
  });
});

describe('limits', () => {
  it('refuse registrations of a gid behind which too many wait already', async () => {
    const world = await aWorld();
    const release = world.store.holdNext();
    const opening = anOpening();
    const all = Array.from({ length: 1_001 }, () =>
      world.register('order-1', branches('1'), { opening }).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      ),
    );
    await world.time.settle();
    release();
    for (let i = 0; i < 50; i++) await world.time.settle();
    const answers = await Promise.all(all);
    expect(answers.filter((answer) => answer === 'LIMIT_EXCEEDED')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'ok')).toHaveLength(1_000);
  });

  it('keep a participant that fails at once from being called in a loop', async () => {
    const world = await aWorld();
    const [spec] = branches('1');
    await world.open('order-1', [{ ...spec!, retry: { firstDelayMs: 1, maxDelayMs: 1 } }]);
    world.caller.always('1', failed('UNAVAILABLE'));
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(100);
    expect(world.caller.calls).toHaveLength(11);
  });
});

describe('decisions', () => {
  it('is durable before the first phase-two call leaves (I3)', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2'));
    const release = world.store.holdNext();
    const commit = world.commit('order-1', '1', '2');
    await world.time.settle();
    expect(world.caller.calls).toHaveLength(0);
    release();
    await world.done(commit);
    expect(world.caller.story).toEqual(['confirm 1', 'confirm 2']);
  });

  it('calls all branches at once, with everything a participant needs', async () => {
    const world = await aWorld();
    const trace = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: '',
    };
    await world.open('order-1', branches('1', '2'), { trace });
    world.caller.always('1', 'hold');
    world.caller.always('2', 'hold');
    await world.done(world.commit('order-1', '1', '2'));
    expect(world.caller.held).toHaveLength(2);
    expect(world.caller.calls[1]).toMatchObject({
      target: '127.0.0.1:50051',
      method: '/shop.StockTcc/ReserveConfirm',
      payload: Uint8Array.of(1, 2, 3),
      deadlineMs: 5_000,
      context: {
        gid,
        branchId: '2',
        action: 'reserve',
        phase: 'confirm',
        attempt: 1,
        notAfter: undefined,
        trace,
      },
    });
  });

  it('lets the first enqueued win: a deadline that fires during a commit changes nothing', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 1_000 });
    const release = world.store.holdNext();
    const commit = world.commit('order-1', '1');
    await world.time.advance(2_000);
    release();
    expect((await world.done(commit)).status).toBe('confirming');
    expect(world.caller.story).toEqual(['confirm 1']);
  });

  it('refuses a commit that came after the deadline won', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 1_000 });
    await world.time.advance(1_000);
    await expect(world.done(world.commit('order-1', '1'))).rejects.toMatchObject({
      code: 'WRONG_STATUS',
      details: { status: 'cancelling' },
    });
  });

  it('cancels what nobody decided before its deadline, and outwaits a Try that may be under way', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 1_000 });
    await world.time.advance(999);
    expect((await world.stored('order-1'))?.status).toBe('trying');
    await world.time.advance(1);
    expect(await world.stored('order-1')).toMatchObject({
      status: 'cancelling',
      cause: { kind: 'timeout' },
    });
    // not_after is the transaction's deadline here; the skew of 5 s comes on top.
    await world.time.advance(4_999);
    expect(world.caller.calls).toHaveLength(0);
    await world.time.advance(1);
    expect(world.caller.story).toEqual(['cancel 1']);
    expect(world.caller.calls[0]?.context.notAfter).toBe(1_700_000_001_000);
  });

  it('notices a deadline although the wall clock jumped back', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 1_000 });
    world.time.jump(-500);
    await world.time.advance(1_000);
    expect((await world.stored('order-1'))?.status).toBe('trying');
    await world.time.advance(500);
    expect((await world.stored('order-1'))?.status).toBe('cancelling');
  });

  it('cancels every registered branch at once where the initiator told the outcomes', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2', '3'));
    await world.done(world.rollback('order-1', { '1': 'done', '2': 'refused', '3': 'not-sent' }));
    expect(world.caller.story).toEqual(['cancel 1', 'cancel 2', 'cancel 3']);
    expect((await world.stored('order-1'))?.branches.map((b) => b.phaseOne)).toEqual([
      'done',
      'refused',
      'none',
    ]);
  });

  it('answers repeats with the present truth and does nothing twice (I9)', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    await world.done(world.commit('order-1', '1'));
    expect((await world.done(world.commit('order-1', '1'))).status).toBe('confirming');
    await world.time.advance(50);
    expect((await world.done(world.commit('order-1', '1'))).status).toBe('confirmed');
    expect(world.caller.story).toEqual(['confirm 1']);
    await expect(world.done(world.rollback('order-1'))).rejects.toMatchObject({
      code: 'WRONG_STATUS',
    });
  });
});

describe('phase two', () => {
  it('reports every failed branch, not only the first', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2', '3'));
    world.caller.always('1', failed('UNAVAILABLE', 'no route'));
    world.caller.always('2', failed('INTERNAL', 'disk full'));
    await world.done(world.commit('order-1', '1', '2', '3'));
    const tx = await world.done(world.engine.get(gid));
    expect(tx.branches.map((b) => [b.spec.id, b.status, b.attempts.lastFailure?.message])).toEqual([
      ['1', 'registered', 'no route'],
      ['2', 'registered', 'disk full'],
      ['3', 'confirmed', undefined],
    ]);
  });

  it('retries with growing, jittered delays under the cap, for ever (I6, I7)', async () => {
    const world = await aWorld();
    const [spec] = branches('1');
    await world.open('order-1', [{ ...spec!, retry: { firstDelayMs: 100, maxDelayMs: 1_000 } }]);
    world.caller.always('1', failed('UNAVAILABLE'));
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(60_000);
    const { length } = world.caller.calls;
    expect(length).toBeGreaterThan(60);
    expect(world.caller.calls.map((c) => c.context.attempt)).toEqual(
      Array.from({ length }, (_, i) => i + 1),
    );
    world.caller.always('1', ok);
    await world.time.advance(2_000);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
    expect(world.time.pending).toBe(0);
  });

  it('waits as long as a participant asks with the verdict retry', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.script(
      '1',
      failed('FAILED_PRECONDITION', 'busy', { verdict: 'retry', retryAfterMs: 30_000 }),
    );
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(29_999);
    expect(world.caller.calls).toHaveLength(1);
    await world.time.advance(1);
    expect(world.caller.calls).toHaveLength(2);
  });

  it('shows an unknown method as stuck at once, and goes on trying slowly', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.always('1', failed('UNIMPLEMENTED', 'unknown method'));
    await world.done(world.commit('order-1', '1'));
    expect(await world.engine.stuck()).toMatchObject([
      { reason: 'unimplemented', branch: { attempts: { count: 1 } } },
    ]);
    await world.time.advance(60_000);
    expect(world.caller.calls).toHaveLength(2);
    const stuck = world.logger.lines.filter(({ level }) => level === 'warn');
    const fields = { gid, branch: '1', action: 'reserve', phase: 'confirm', attempts: 1 };
    expect(stuck).toMatchObject([
      {
        message: 'branch is stuck; it is retried until it answers',
        fields: { ...fields, reason: 'unimplemented' },
      },
    ]);
    const decided = world.logger.lines.find(({ message }) => message === 'decided');
    expect(decided?.fields).toMatchObject({ gid, status: 'confirming', cause: 'commit' });
  });

  it('shows a branch that hangs as stuck by age alone', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.always('1', 'hold');
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(299_999);
    expect(await world.engine.stuck()).toEqual([]);
    await world.time.advance(1);
    expect(await world.engine.stuck()).toMatchObject([{ reason: 'deadline' }]);
  });

  it('does not call a branch stuck whose first Cancel still outwaits its Try', async () => {
    const world = await aWorld();
    const [spec] = branches('1');
    await world.open('order-1', [{ ...spec!, stuckAfterMs: 1_000 }], { timeoutMs: 1_000 });
    await world.time.advance(5_999);
    expect(await world.engine.stuck()).toEqual([]);
    world.caller.always('1', 'hold');
    await world.time.advance(1_001);
    expect(await world.engine.stuck()).toMatchObject([{ reason: 'deadline' }]);
  });

  it('cancels at once a Try that was told as unknown: its initiator sends no further one', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2'));
    await world.done(world.rollback('order-1', { '1': 'unknown' }));
    expect(world.caller.story).toEqual(['cancel 1']);
    await world.time.advance(10_000);
    expect(world.caller.story).toEqual(['cancel 1', 'cancel 2']);
  });

  it('forgets a settled transaction: memory and timers are empty', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2'));
    await world.done(world.commit('order-1', '1', '2'));
    await world.time.advance(20);
    expect(await world.stored('order-1')).toMatchObject({ status: 'confirmed' });
    expect(world.engine.residentCount).toBe(0);
    expect(world.time.pending).toBe(0);
  });
});

describe('waiting', () => {
  it('tells decided, executed and settled apart', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.always('1', 'hold');
    const reached: string[] = [];
    for (const fact of ['decided', 'executed', 'settled'] as const) {
      void world.engine.wait(gid, { fact, timeoutMs: 60_000 }).then(() => reached.push(fact));
    }
    await world.time.settle();
    expect(reached).toEqual([]);
    await world.done(world.commit('order-1', '1'));
    expect(reached).toEqual(['decided']);
    world.caller.held[0]?.reply(ok);
    await world.time.settle();
    expect(reached).toEqual(['decided', 'executed']);
    await world.time.advance(20);
    expect(reached).toEqual(['decided', 'executed', 'settled']);
    expect(world.time.pending).toBe(0);
    expect(world.engine.residentCount).toBe(0);
  });

  it('answers with the present truth when the time is up, and leaves no timer', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 60_000 });
    const waiting = world.engine.wait(gid, { fact: 'decided', timeoutMs: 1_000 });
    await world.time.advance(1_000);
    expect((await waiting).status).toBe('trying');
    expect(world.time.pending).toBe(1);
  });

  it('ends when the caller is gone', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    const gone = new AbortController();
    const waiting = world.engine.wait(gid, {
      fact: 'decided',
      timeoutMs: 60_000,
      signal: gone.signal,
    });
    gone.abort();
    expect((await world.done(waiting)).status).toBe('trying');
  });
});

describe('a registration that is dropped after a doubt', () => {
  // The doubt raised the row's epoch: memory has to follow although nothing was written.
  it.each<[string, { expiresAt?: number; then?: 'unavailable' | 'data' }]>([
    ['its caller stopped waiting', { expiresAt: 5 }],
    ['the store takes no new work', { then: 'unavailable' }],
    ['the store cannot keep it', { then: 'data' }],
  ])('leaves the transaction alive: %s (I6, W2, W4, W5)', async (_, how) => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 10_000 });
    world.store.failNext('unknown', { applied: false });
    // The second write is the fence, which goes through; the third is the registration again.
    const more = world.register('order-1', branches('2'), {
      ...(how.expiresAt === undefined ? {} : { expiresAt: world.time.now() + how.expiresAt }),
    });
    const refused = expect(more).rejects.toBeDefined();
    await world.time.settle();
    if (how.then !== undefined) failAfterFence(world, how.then);
    await world.time.advance(3_000);
    await refused;
    const tx = await world.stored('order-1');
    expect(tx).toMatchObject({ epoch: 2, status: 'trying' });
    expect(tx?.branches).toHaveLength(1);
    expect((await world.done(world.commit('order-1', '1'))).status).toBe('confirming');
    await world.time.advance(50);
    expect((await world.stored('order-1'))?.status).toBe('confirmed');
  });

  function failAfterFence(world: EngineWorld, kind: 'unavailable' | 'data'): void {
    const { write } = world.store;
    world.store.write = async (batch) => {
      if (batch[0]?.kind !== 'fence') {
        world.store.write = write;
        world.store.failNext(kind, { applied: false });
      }
      return await write.call(world.store, batch);
    };
  }
});

describe('a row that is ours and differs from memory', () => {
  it('is read again, and its transaction goes on (I7)', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 10_000 });
    await world.memory.write([{ kind: 'fence', gid, epoch: 1 }]);
    await expect(world.done(world.commit('order-1', '1'))).rejects.toMatchObject({
      code: 'MOVED',
      retryable: true,
    });
    expect((await world.done(world.commit('order-1', '1'))).status).toBe('confirming');
  });

  it('is read again until it can be, and no longer than the engine lives', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'), { timeoutMs: 60_000 });
    await world.memory.write([{ kind: 'fence', gid, epoch: 1 }]);
    const load = world.store.load.bind(world.store);
    world.store.load = () => Promise.reject(new StoreFailure('unavailable', 'away'));
    await expect(world.done(world.commit('order-1', '1'))).rejects.toMatchObject({ code: 'MOVED' });
    await world.time.advance(5_000);
    expect(world.logger.messages('warn')).toContain('not read again yet');
    world.store.load = load;
    await world.time.advance(1_000);
    expect((await world.done(world.engine.get(gid))).epoch).toBe(2);
    await world.memory.write([{ kind: 'fence', gid, epoch: 2 }]);
    world.store.load = () => Promise.reject(new StoreFailure('unavailable', 'away'));
    await expect(world.done(world.commit('order-1', '1'))).rejects.toMatchObject({ code: 'MOVED' });
    await world.done(world.engine.stop(1_000));
    await world.time.advance(60_000);
    expect(world.time.pending).toBe(0);
  });
});

describe('reading', () => {
  it('says that the store cannot be read now, instead of "something unexpected"', async () => {
    const world = await aWorld();
    world.store.load = () => Promise.reject(new StoreFailure('unknown', 'the worker died'));
    await expect(world.done(world.engine.get(gid))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'the store cannot be read: the worker died',
    });
  });

  it('names the gid that is not kept', async () => {
    const world = await aWorld();
    await expect(world.done(world.engine.get(gid))).rejects.toMatchObject({
      code: 'TRANSACTION_NOT_FOUND',
      message: 'no transaction order-1 is kept',
    });
  });
});

describe('restart', () => {
  it('goes on with everything unfinished and calls nothing of what is finished', async () => {
    const world = await aWorld();
    await world.open('undecided', branches('1'), { timeoutMs: 1_000 });
    await world.open('confirming', branches('1', '2'));
    world.caller.always('2', 'hold');
    await world.done(world.commit('confirming', '1', '2'));
    await world.time.advance(20);
    await world.open('finished', branches('1'));
    await world.done(world.commit('finished', '1'));
    await world.time.advance(20);
    expect(await world.crash()).toEqual({ resumed: 2 });
    await world.time.settle();
    expect(world.caller.story).toEqual(['confirm 2']);
    await world.time.advance(10_000);
    expect((await world.stored('undecided'))?.status).toBe('cancelled');
    expect((await world.stored('confirming'))?.status).toBe('confirmed');
  });

  it('goes on with more than one page of them', async () => {
    const world = await aWorld();
    const openings = Array.from({ length: 501 }, (_, i) => world.open(`order-${i}`, branches('1')));
    await Promise.all(openings);
    expect(await world.crash()).toEqual({ resumed: 501 });
    expect(world.engine.residentCount).toBe(501);
  });

  it('keeps attempts and the next time over a restart', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.always(
      '1',
      failed('FAILED_PRECONDITION', 'later', { verdict: 'retry', retryAfterMs: 40_000 }),
    );
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(20);
    await world.crash();
    await world.time.advance(39_000);
    expect(world.caller.calls).toHaveLength(0);
    await world.time.advance(1_000);
    expect(world.caller.calls[0]?.context.attempt).toBe(2);
  });

  it('raises the epoch, so that the former life can write nothing any more (I8)', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    const zombie = world.engine;
    await world.crash();
    const late = zombie.submit(gid, { kind: 'commit', runId: run, branchIds: ['1' as BranchId] });
    await expect(world.done(late)).rejects.toMatchObject({ code: 'MOVED', retryable: true });
    expect(await world.stored('order-1')).toMatchObject({ epoch: 2, status: 'trying' });
    expect(zombie.residentCount).toBe(0);
    expect(world.caller.calls).toHaveLength(0);
  });
});

describe('stopping', () => {
  it('gives running calls up without counting them, makes the rest durable and leaves no timer', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2'));
    world.caller.always('2', 'hold');
    await world.done(world.commit('order-1', '1', '2'));
    const stopped = world.engine.stop(10_000);
    await world.time.advance(5_999);
    expect(world.caller.held[0]?.call.signal.aborted).toBe(false);
    await world.time.advance(1);
    await stopped;
    const tx = await world.stored('order-1');
    expect(tx?.branches.map((b) => [b.status, b.attempts.count])).toEqual([
      ['confirmed', 1],
      ['registered', 0],
    ]);
    expect(world.time.pending).toBe(0);
    await expect(world.commit('order-1', '1', '2')).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
  });

  it('lets a running call end by itself, makes its answer durable, and starts no other', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1', '2'));
    world.caller.always('1', 'hold');
    world.caller.always('2', failed('INTERNAL'));
    await world.done(world.commit('order-1', '1', '2'));
    const stopped = world.engine.stop(10_000);
    await world.time.advance(1_000);
    world.caller.held[0]?.reply(ok);
    await world.time.advance(20);
    await stopped;
    const tx = await world.stored('order-1');
    expect(tx?.branches.map((b) => [b.status, b.attempts.count])).toEqual([
      ['confirmed', 1],
      ['registered', 1],
    ]);
    expect(world.time.pending).toBe(0);
  });

  it('answers a decision at once that became durable while it stopped', async () => {
    const world = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.always('1', 'hold');
    const release = world.store.holdNext();
    const decided = world
      .commit('order-1', '1')
      .then(() => world.engine.wait(gid, { fact: 'executed', timeoutMs: 60_000 }));
    await world.time.settle();
    const stopped = world.engine.stop(10_000);
    release();
    expect((await world.done(decided)).status).toBe('confirming');
    await world.done(stopped);
    expect(world.time.pending).toBe(0);
  });

  it('leaves no timer of what answers after the grace', async () => {
    const world = await aWorld();
    const release = world.store.holdNext();
    void world.open('order-1', branches('1')).catch(() => undefined);
    await world.time.settle();
    const stopped = world.engine.stop(1_000);
    await world.time.advance(1_000);
    await stopped;
    await world.store.close();
    release();
    await world.time.advance(60_000);
    expect(world.time.pending).toBe(0);
  });

  it('ends within the grace although the store does not answer', async () => {
    const world = await aWorld();
    world.store.holdNext();
    void world.open('order-1', branches('1'));
    await world.time.settle();
    const stopped = world.engine.stop(10_000);
    await world.time.advance(10_000);
    await stopped;
    expect(world.time.pending).toBe(0);
  });
});
