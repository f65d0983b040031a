/**
 * When the first Cancel of a branch leaves: as soon as its initiator told how the Try ended, or the participant keeps
 * late Tries out by itself; else after the Try can no longer start, whatever happens to the coordinator meanwhile.
 */
import { describe, expect, it } from '@jest/globals';
import { CLOCK_SKEW_MS_DEFAULT } from '@tercet/core';
import { guarded, hasty, plain } from '../support/race/business';
import { Gate } from '../support/race/gate';
import { type RaceOptions, type RaceWorld, aRace, alike, order } from '../support/race/race-world';

interface Vanished {
  readonly world: RaceWorld;
  /** When the coordinator decides by itself. */
  readonly deadlineAt: number;
  /** When the first Cancel has to leave. */
  readonly cancelAt: number;
}

/** A run whose initiator registers a branch and is never heard of again; its clock stands still, too. */
async function vanished(options: RaceOptions = {}, definition = plain): Promise<Vanished> {
  const world = await aRace(options);
  const hanging = new Gate();
  world.tries.next('lost');
  void world.run(
    async (tx) => {
      world
        .use(tx, definition)
        .reserve(order)
        .catch(() => undefined);
      await hanging.pass();
    },
    { timeout: '10s' },
  );
  // The SDK rolls back at once where a Try's end is unknown: this one dies in between.
  world.line.silence();
  await world.still(hanging.reached);
  await world.until(() => world.tries.left.length === 1);
  const { deadlineAt, branches } = await world.stored();
  return { world, deadlineAt, cancelAt: (branches[0]?.notAfter ?? 0) + CLOCK_SKEW_MS_DEFAULT };
}

describe('not-after', () => {
  it('is the coordinator’s, stored, and goes with Try and Cancel; the SDK never computes it', async () => {
    const world = await aRace();
    const opened = world.time.now();
    const held = new Gate();
    const run = world.run(
      async (tx) => {
        await world.use(tx).reserve(order);
        await held.pass();
        await world.use(tx).reserve(order);
        throw new Error('no');
      },
      { timeout: '40s' },
    );
    await world.still(held.reached);
    await world.reach(opened + 20_000);
    held.open();
    await world.cancelled(run);
    await world.outcome();
    const { branches, deadlineAt } = await world.stored();
    const [first, second] = branches.map(({ notAfter }) => notAfter);
    // The Try's deadline is 30 s: the first ends by it, the second with the transaction.
    expect(first).toBe(opened + 30_000);
    expect(second).toBe(deadlineAt);
    const tries = world.tries.left.map(({ metadata }) => Number(metadata['tercet-not-after']));
    expect(tries).toEqual([first, second]);
    const cancels = world.phaseTwo.calls.map(({ context }) => context.notAfter);
    expect(cancels).toEqual([first, second]);
    expect((await world.view()).branches.map(({ notAfter }) => notAfter)).toEqual([first, second]);
  });
});

describe('the first Cancel of a branch of whose Try nobody told', () => {
  it.each([
    ['answered', []],
    ['its answer lost', ['answer-lost']],
    ['lost before it arrives', ['lost']],
  ] as const)('leaves when the Try can no longer start, not before; %s', async (_, fates) => {
    const { world, deadlineAt, cancelAt } = await vanished();
    world.phaseTwo.next('cancel 1', ...fates);
    await world.reach(deadlineAt);
    expect(await world.stored()).toMatchObject({
      status: 'cancelling',
      cause: { kind: 'timeout' },
    });
    await world.reach(cancelAt - 1);
    expect(world.phaseTwoLeft).toEqual([]);
    await world.reach(cancelAt);
    expect(world.phaseTwoLeft).toEqual(['cancel 1']);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
    expect(world.phaseTwoLeft).toHaveLength(1 + fates.length);
  });

  it('waits as long although the coordinator is restarted during the wait', async () => {
    const { world, deadlineAt, cancelAt } = await vanished();
    await world.reach(deadlineAt + 1_000);
    await world.done(world.restart());
    await world.reach(cancelAt - 1);
    expect(world.phaseTwoLeft).toEqual([]);
    await world.reach(cancelAt);
    expect(world.phaseTwoLeft).toEqual(['cancel 1']);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });

  it('waits as long although the coordinator was restarted before it decided', async () => {
    const { world, deadlineAt, cancelAt } = await vanished();
    await world.done(world.restart());
    await world.reach(deadlineAt - 1);
    expect(await world.stored()).toMatchObject({ status: 'trying' });
    await world.reach(cancelAt - 1);
    expect(await world.stored()).toMatchObject({ status: 'cancelling' });
    expect(world.phaseTwoLeft).toEqual([]);
    await world.reach(cancelAt);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });

  it('leaves at once where the coordinator comes back after the wait is over', async () => {
    const { world, cancelAt } = await vanished();
    await world.done(world.stop());
    await world.reach(cancelAt + 60_000);
    expect(world.phaseTwoLeft).toEqual([]);
    await world.done(world.startAgain());
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
    expect((await world.stored()).decidedAt).toBeGreaterThan(cancelAt + 59_999);
  });

  it('undoes a Try that a participant with a slow clock still started during the wait', async () => {
    const { world, cancelAt } = await vanished({ participantAheadMs: -4_999 });
    await world.reach(cancelAt - 1);
    const [late] = world.tries.left;
    const arrived = await world.still(world.tries.arrive(late!, world.business.address));
    expect(arrived.code).toBe(0);
    await world.reach(cancelAt);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'reserved, returned' }));
  });

  it('leaves at once where the definition says that the participant has a barrier', async () => {
    const { world, deadlineAt } = await vanished({ participant: { barrier: true } }, guarded);
    await world.reach(deadlineAt - 1);
    expect(world.phaseTwoLeft).toEqual([]);
    await world.reach(deadlineAt);
    expect(world.phaseTwoLeft).toEqual(['cancel 1']);
    const [late] = world.tries.left;
    await world.until(() => world.business.story.includes('cancel 1 ended'));
    await world.still(world.tries.arrive(late!, world.business.address));
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });
});

describe('the first Cancel of a branch of whose Try its initiator told', () => {
  it.each([
    ['answered', false],
    ['its Rollback’s answer lost', true],
  ])('leaves at once, even where the Try’s end is unknown; %s', async (_, lost) => {
    const world = await aRace();
    if (lost) world.line.loseAnswer('rollback');
    world.tries.next('lost');
    const started = world.time.now();
    const run = world.run((tx) => world.use(tx).reserve(order));
    await world.until(() => world.business.story.includes('cancel 1 ended'));
    expect(world.time.now()).toBe(started);
    expect(await world.stored()).toMatchObject({
      status: 'cancelling',
      branches: [{ phaseOne: 'unknown', tryTold: true }],
    });
    await world.cancelled(run);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
    expect(world.phaseTwoLeft).toEqual(['cancel 1']);
  });

  it('leaves at once after a restart, too', async () => {
    const world = await aRace();
    world.tries.next('lost');
    world.phaseTwo.next('cancel 1', 'lost');
    const run = world.run((tx) => world.use(tx).reserve(order));
    await world.until(() => world.phaseTwoLeft.length === 1);
    await world.done(world.restart());
    await world.later(() => world.phaseTwoLeft.length === 2);
    const { notAfter } = (await world.stored()).branches[0]!;
    expect(world.time.now()).toBeLessThan(notAfter);
    await world.cancelled(run);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });
});

describe('a Cancel that waits for a running Try', () => {
  it('and is given up meanwhile has no effect; one that comes later has it, once', async () => {
    const world = await aRace();
    const running = new Gate();
    world.business.before.set('try 1', () => running.pass());
    const abort = new AbortController();
    const run = world.run((tx) => world.use(tx, hasty).reserve(order, { signal: abort.signal }));
    await world.still(running.reached);
    abort.abort();
    const arrived = (): number =>
      world.business.arrived.filter((call) => call === 'cancel 1').length;
    await world.later(() => arrived() >= 3);
    expect(world.business.story).toEqual(['try 1']);
    running.open();
    await world.cancelled(run);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'reserved, returned' }));
    expect(world.business.story.slice(0, 3)).toEqual(['try 1', 'try 1 ended', 'cancel 1']);
    // Two came and went while the Try ran: their handlers were never entered.
    for (const given of [1, 2])
      expect(world.business.attempts.get('cancel 1')).not.toContain(given);
  });
});
