/**
 * Try after the decision: whatever is repeated, late or lost, no Try leaves that must not, and none has an effect
 * after its Cancel. Every race is forced, with and without a lost answer.
 */
import { describe, expect, it } from '@jest/globals';
import { grpcCode } from '@tercet/core';
import { TryRejectedError, TryUnknownError } from '@tercet/sdk';
import { brief, guarded, plain } from '../support/race/business';
import { Gate } from '../support/race/gate';
import { type RaceWorld, aRace, alike, order } from '../support/race/race-world';

const payment = { account: 'ann', cents: 30 };
const bothWays = [
  ['answered', false],
  ['its answer lost', true],
] as const;

/** Resolved by what a promise has come to so far. */
function observed(work: Promise<unknown>): { ended: boolean } {
  const seen = { ended: false };
  const note = (): void => void (seen.ended = true);
  work.then(note, note);
  return seen;
}

describe('a registration that is repeated', () => {
  it.each(bothWays)('before the decision, %s: is OK, the same, and once', async (_, lost) => {
    const world = await aRace();
    const held = new Gate();
    if (lost) world.line.loseAnswer('register');
    const run = world.run(async (tx) => {
      await world.use(tx).reserve(order);
      await held.pass();
    });
    await world.done(held.reached);
    await world.reach(world.time.now() + 1_000);
    const again = await world.still(world.repeatRegistration());
    const notAfter = Number(world.tries.left[0]?.metadata['tercet-not-after']);
    expect(again).toMatchObject({
      kind: 'ok',
      reply: { status: 'trying', branches: [{ id: '1', notAfter }] },
    });
    held.open();
    expect((await world.done(run)).status).toBe('confirmed');
    expect(world.line.left).toEqual([...(lost ? ['register'] : []), 'register', 'commit']);
    expect(world.tries.branches).toEqual(['1']);
    expect(await world.outcome()).toEqual(alike('confirmed', { 1: 'reserved, confirmed' }));
  });

  it('while a commit is pending waits for it, and is answered with it', async () => {
    const world = await aRace();
    const pending = new Gate();
    world.store.hold('decide', pending);
    const run = world.run((tx) => world.use(tx).reserve(order));
    await world.still(pending.reached);
    const repeats = [world.repeatRegistration(), world.registerMore('2')];
    const seen = repeats.map(observed);
    expect((await world.view()).status).toBe('trying');
    expect(seen).toEqual([{ ended: false }, { ended: false }]);
    pending.open();
    for (const answer of await world.still(Promise.all(repeats))) {
      expect(answer).toMatchObject({
        kind: 'refused',
        error: { code: 'ALREADY_DECIDED', details: { status: 'confirming' } },
      });
    }
    await world.done(run);
    expect(await world.outcome()).toEqual(alike('confirmed', { 1: 'reserved, confirmed' }));
  });

  it.each(bothWays)('while a rollback is pending, %s: no Try leaves for it', async (_, lost) => {
    const world = await aRace();
    const { pending, run } = await secondTryDuring(world, () => {
      if (lost) world.line.loseAnswer('register');
      return world.twinRollsBack({ 1: 'done' });
    });
    expect((await world.view()).branches).toHaveLength(1);
    pending.open();
    const error = await world.cancelled(run);
    expect(error).toMatchObject({ status: 'cancelled', cause: { code: 'ALREADY_DECIDED' } });
    const repeats = lost ? ['register'] : [];
    expect(world.line.left).toEqual(['register', 'register', ...repeats, 'rollback']);
    expect(world.tries.branches).toEqual(['1']);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'reserved, returned' }));
  });

  it('while a twin’s commit is pending: no Try leaves for it, and the run does not claim to be cancelled', async () => {
    const world = await aRace();
    const { pending, run } = await secondTryDuring(world, () => world.twinCommits('1'));
    pending.open();
    await expect(world.done(run)).rejects.toMatchObject({ code: 'WRONG_STATUS' });
    expect(world.tries.branches).toEqual(['1']);
    expect(await world.outcome()).toEqual(alike('confirmed', { 1: 'reserved, confirmed' }));
  });

  it('after the decision, its first answer lost: no Try leaves', async () => {
    const world = await aRace();
    world.line.loseAnswer('register', async () => {
      const answer = await world.twinRollsBack({ 1: 'not-sent' });
      expect(answer.kind).toBe('ok');
    });
    const error = await world.cancelled(world.run((tx) => world.use(tx).reserve(order)));
    expect(error).toMatchObject({ status: 'cancelled', cause: { code: 'ALREADY_DECIDED' } });
    expect(world.line.left.slice(0, 2)).toEqual(['register', 'register']);
    expect(world.tries.left).toEqual([]);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });

  it.each(['confirmed', 'cancelled'] as const)(
    'after it was %s is answered with that',
    async (end) => {
      const world = await aRace();
      const run = world.run(async (tx) => {
        await world.use(tx).reserve(order);
        if (end === 'cancelled') throw new Error('no');
      });
      await world.done(run.catch(() => undefined));
      const before = await world.outcome();
      for (const repeat of [world.repeatRegistration(), world.registerMore('2')]) {
        expect(await world.still(repeat)).toMatchObject({
          kind: 'refused',
          error: { code: 'ALREADY_DECIDED', details: { status: end } },
        });
      }
      expect(await world.outcome()).toEqual(before);
      const effects = end === 'confirmed' ? 'reserved, confirmed' : 'reserved, returned';
      expect(before).toEqual(alike(end, { 1: effects }));
    },
  );

  /** A run whose first Try is done and whose second one registers while a decision is pending. */
  async function secondTryDuring(
    world: RaceWorld,
    decision: () => Promise<unknown>,
  ): Promise<{ readonly pending: Gate; readonly run: Promise<unknown> }> {
    const pending = new Gate();
    const second = new Gate();
    world.store.hold('decide', pending);
    const run = world.run(async (tx) => {
      await world.use(tx).reserve(order);
      await second.pass();
      await world.use(tx).charge(payment);
    });
    await world.done(second.reached);
    void decision();
    await world.still(pending.reached);
    second.open();
    await world.until(() => world.line.left.length === 2);
    return { pending, run };
  }
});

describe('a late Try through another path', () => {
  const guards = [
    ['the fence of addTcc', plain, {}],
    ['a barrier', guarded, { barrier: true }],
  ] as const;
  const each = guards.flatMap(([name, definition, participant]) =>
    bothWays.map(([how, lost]) => ({ name, how, lost, definition, participant })),
  );

  it.each(each)(
    'arrives after its Cancel ($how): $name keeps the first, second and third out',
    async ({ lost, definition, participant }) => {
      const world = await aRace({ participant });
      world.tries.next('lost');
      if (lost) world.phaseTwo.next('cancel 1', 'answer-lost');
      const error = await world.cancelled(
        world.run((tx) => world.use(tx, definition).reserve(order)),
      );
      expect(error.cause).toBeInstanceOf(TryUnknownError);
      const end = alike('cancelled', { 1: 'nothing' });
      expect(await world.outcome()).toEqual(end);
      expect(world.business.attempts.get('cancel 1')).toEqual(lost ? [1, 2] : [1]);
      for (const time of [1, 2, 3]) {
        const { code } = await world.still(late(world));
        expect([time, code]).toEqual([time, participant === guards[0][2] ? grpcCode.ABORTED : 0]);
      }
      // Long afterwards nobody remembers the branch: its time alone keeps it out.
      await world.reach((await world.stored()).branches[0]!.notAfter + 60_000);
      expect((await world.still(late(world))).code).toBe(grpcCode.DEADLINE_EXCEEDED);
      expect(await world.outcome()).toEqual(end);
    },
  );

  it('arrives before its Cancel, whose first call was lost: it is undone', async () => {
    const world = await aRace();
    world.tries.next('lost');
    world.phaseTwo.next('cancel 1', 'lost');
    const run = world.run((tx) => world.use(tx).reserve(order));
    await world.until(() => world.phaseTwoLeft.length === 1);
    expect((await world.still(late(world))).code).toBe(grpcCode.OK);
    await world.cancelled(run);
    expect((await world.still(late(world))).code).toBe(grpcCode.ABORTED);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'reserved, returned' }));
  });

  it('arrives once more while it runs and its Cancel waits: it is dropped from the queue', async () => {
    const world = await aRace();
    const running = new Gate();
    world.business.before.set('try 1', () => running.pass());
    const aborted = new AbortController();
    const run = world.run((tx) => world.use(tx).reserve(order, { signal: aborted.signal }));
    await world.still(running.reached);
    aborted.abort();
    await world.until(() => world.business.arrived.includes('cancel 1'));
    expect((await world.still(late(world))).code).toBe(grpcCode.ABORTED);
    running.open();
    await world.cancelled(run);
    expect(world.business.story).toEqual(['try 1', 'try 1 ended', 'cancel 1', 'cancel 1 ended']);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'reserved, returned' }));
  });

  /** The first Try that left, now. */
  function late(world: RaceWorld) {
    const [call] = world.tries.left;
    if (call === undefined) throw new Error('no Try has left');
    return world.tries.arrive(call, world.business.address);
  }
});

describe('sibling Tries that still run at the rollback', () => {
  it.each([
    ['no answer', 1, 1],
    ['Rollback’s answer', 2, 1],
    ['Cancel’s answer', 1, 2],
  ])('are undone after they have ended, lost: %s', async (_, rollbacks, cancels) => {
    const world = await aRace();
    if (rollbacks > 1) world.line.loseAnswer('rollback');
    if (cancels > 1) world.phaseTwo.next('cancel 2', 'answer-lost');
    const running = new Gate();
    world.business.before.set('try 2', () => running.pass());
    world.business.before.set('try 1', async (ctx) => {
      await running.reached;
      ctx.reject('sold out');
    });
    const run = world.run(bothTries(world));
    await world.until(() => world.business.arrived.includes('cancel 2'));
    await world.until(() => world.business.story.includes('cancel 1 ended'));
    expect(world.business.story).not.toContain('cancel 2');
    running.open();
    expect((await world.cancelled(run)).cause).toBeInstanceOf(TryRejectedError);
    const ends = { 1: 'nothing', 2: 'reserved, returned' };
    expect(await world.outcome()).toEqual(alike('cancelled', ends));
    expect(world.line.left.filter((command) => command === 'rollback')).toHaveLength(rollbacks);
    expect(world.phaseTwoLeft.filter((call) => call === 'cancel 2')).toHaveLength(cancels);
    const { story } = world.business;
    expect(story.indexOf('try 2 ended')).toBeLessThan(story.indexOf('cancel 2'));
  });

  it('keep the Rollback from leaving until each has ended', async () => {
    const world = await aRace();
    const end = new Gate();
    const running = new Gate();
    world.tries.next('through', end);
    world.business.before.set('try 2', () => running.pass());
    world.business.before.set('try 1', async (ctx) => {
      await running.reached;
      ctx.reject('sold out');
    });
    const run = world.run(bothTries(world));
    await world.until(() => world.business.story.includes('try 1'));
    await world.still(running.reached);
    for (const _ of [1, 2, 3]) expect((await world.view()).status).toBe('trying');
    expect(world.line.left).toEqual(['register']);
    running.open();
    end.open();
    await world.cancelled(run);
    expect(world.line.left).toEqual(['register', 'rollback']);
    const ends = { 1: 'nothing', 2: 'reserved, returned' };
    expect(await world.outcome()).toEqual(alike('cancelled', ends));
  });

  it('that cannot be given up keep it from leaving no longer than their deadline', async () => {
    const world = await aRace();
    const running = new Gate();
    world.tries.next('through', 'deaf');
    world.business.before.set('try 2', () => running.pass());
    world.business.before.set('try 1', async (ctx) => {
      await running.reached;
      ctx.reject('sold out');
    });
    const run = world.run((tx) =>
      tx.all([world.use(tx).reserve(order), world.use(tx, brief).charge(payment)]),
    );
    await world.until(() => world.line.left.includes('rollback'));
    expect(world.business.story).not.toContain('try 2 ended');
    running.open();
    const error = await world.cancelled(run);
    const second = error.branches.find(({ branch }) => branch === '2');
    expect(second).toMatchObject({ phase: 'try', grpcCode: grpcCode.DEADLINE_EXCEEDED });
    const ends = { 1: 'nothing', 2: 'reserved, returned' };
    expect(await world.outcome()).toEqual(alike('cancelled', ends));
  });

  it('are the last: later Tries of the callback reject unregistered', async () => {
    const world = await aRace();
    const rolledBack = new Gate();
    const refused: unknown[] = [];
    world.business.before.set('try 1', (ctx) => ctx.reject('sold out'));
    const run = world.run(async (tx) => {
      const at = world.use(tx);
      await at.reserve(order).catch(() => undefined);
      await at.charge(payment).catch((error: unknown) => refused.push(error));
      await rolledBack.pass();
      await at.charge(payment).catch((error: unknown) => refused.push(error));
    });
    await world.done(rolledBack.reached);
    await world.later(() => world.business.story.includes('cancel 1 ended'));
    rolledBack.open();
    await world.cancelled(run);
    expect(refused).toMatchObject([{ code: 'CALL_CANCELLED' }, { code: 'CALL_CANCELLED' }]);
    expect(world.line.left).toEqual(['register', 'rollback']);
    expect(world.tries.branches).toEqual(['1']);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });

  /** Two Tries at once. */
  function bothTries(world: RaceWorld): Parameters<RaceWorld['run']>[0] {
    return (tx) => tx.all([world.use(tx).reserve(order), world.use(tx).charge(payment)]);
  }
});
