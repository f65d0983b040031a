/**
 * Decisions that race: a repeated Commit, a refused one, the timeout, a twin that holds the same run. The first one
 * that was enqueued wins, everybody is told the same, and all branches end alike.
 */
import { describe, expect, it } from '@jest/globals';
import { type TransactionCancelledError, TryRejectedError, TryUnknownError } from '@tercet/sdk';
import { guarded } from '../support/race/business';
import { Gate } from '../support/race/gate';
import { type RaceWorld, aRace, alike, order } from '../support/race/race-world';

const payment = { account: 'ann', cents: 30 };
const bothWays = [
  ['answered', false],
  ['its answer lost', true],
] as const;
const confirmed = alike('confirmed', { 1: 'reserved, confirmed', 2: 'reserved, confirmed' });
const cancelled = alike('cancelled', { 1: 'reserved, returned', 2: 'reserved, returned' });

/** Two Tries at once. */
function bothTries(world: RaceWorld): Parameters<RaceWorld['run']>[0] {
  return (tx) => tx.all([world.use(tx).reserve(order), world.use(tx).charge(payment)]);
}

/** A run whose Tries are done and whose callback waits. */
async function tried(): Promise<{ world: RaceWorld; go: Gate; run: Promise<unknown> }> {
  const world = await aRace();
  const go = new Gate();
  const run = world.run(async (tx) => {
    await bothTries(world)(tx);
    await go.pass();
  });
  await world.done(go.reached);
  return { world, go, run };
}

describe('a Try that asks twice to be repeated', () => {
  async function asking(then: (world: RaceWorld) => void): Promise<RaceWorld> {
    const world = await aRace();
    then(world);
    const last = world.business.before.get('try 1');
    world.business.before.set('try 1', (ctx) => {
      if (ctx.attempt <= 2) ctx.retry({ after: '10ms' });
      return last?.(ctx);
    });
    return world;
  }

  it('and then is done: the branch is confirmed, its effect is there once', async () => {
    const world = await asking(() => undefined);
    await world.done(world.run(bothTries(world)));
    expect(world.business.attempts.get('try 1')).toEqual([1, 2, 3]);
    expect(await world.outcome()).toEqual(confirmed);
  });

  it('and then rejects: the run rolls back, and nothing was applied', async () => {
    const world = await asking(({ business }) =>
      business.before.set('try 1', (ctx) => ctx.reject('sold out')),
    );
    const started = world.time.now();
    const error = await world.cancelled(world.run(bothTries(world)));
    expect(error.cause).toBeInstanceOf(TryRejectedError);
    expect(error.branches).toMatchObject([{ branch: '1', attempts: 3, message: 'sold out' }]);
    expect(world.business.attempts.get('try 1')).toEqual([1, 2, 3]);
    const ends = { 1: 'nothing', 2: 'reserved, returned' };
    expect(await world.outcome()).toEqual(alike('cancelled', ends));
    const { branches } = await world.stored();
    expect(branches[0]).toMatchObject({ phaseOne: 'refused' });
    expect(world.time.now()).toBeLessThan(started + 30_000);
  });

  it('and whose second wish is lost is not repeated: its end is unknown', async () => {
    const world = await asking(({ tries }) => tries.next('through', 'answer-lost'));
    const error = await world.cancelled(world.run((tx) => world.use(tx).reserve(order)));
    expect(error.cause).toBeInstanceOf(TryUnknownError);
    expect(world.business.attempts.get('try 1')).toEqual([1, 2]);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'nothing' }));
  });

  it('and whose success is lost is not repeated: it is undone', async () => {
    const world = await asking(({ tries }) => tries.next('through', 'through', 'answer-lost'));
    const error = await world.cancelled(world.run((tx) => world.use(tx).reserve(order)));
    expect(error.cause).toBeInstanceOf(TryUnknownError);
    expect(world.business.attempts.get('try 1')).toEqual([1, 2, 3]);
    expect(await world.outcome()).toEqual(alike('cancelled', { 1: 'reserved, returned' }));
  });
});

describe('a Commit whose answer was lost', () => {
  it('is repeated and answered with the same decision; nothing is called twice', async () => {
    const world = await aRace();
    world.line.loseAnswer('commit');
    expect(await world.done(world.run(bothTries(world)))).toMatchObject({ status: 'confirmed' });
    expect(world.line.left).toEqual(['register', 'commit', 'commit']);
    expect(await world.outcome()).toEqual(confirmed);
    expect([...world.phaseTwoLeft].sort()).toEqual(['confirm 1', 'confirm 2']);
  });

  it('is repeated to the coordinator’s next life', async () => {
    const world = await aRace();
    world.line.loseAnswer('commit', () => world.restart());
    expect(await world.done(world.run(bothTries(world)))).toMatchObject({ status: 'confirmed' });
    expect(world.line.left.slice(0, 3)).toEqual(['register', 'commit', 'commit']);
    expect(await world.outcome()).toEqual(confirmed);
    expect([...world.phaseTwoLeft].sort()).toEqual(['confirm 1', 'confirm 2']);
  });

  it('is followed by no Rollback, though its caller gives up', async () => {
    const world = await aRace();
    const abort = new AbortController();
    world.line.loseAnswer('commit', () => Promise.resolve(abort.abort()));
    const run = world.run(bothTries(world), { signal: abort.signal });
    await expect(world.done(run)).rejects.toMatchObject({ decided: 'unknown' });
    expect(world.line.left).toEqual(['register', 'commit']);
    expect(await world.outcome()).toEqual(confirmed);
  });

  it('and a Confirm whose answer was lost: each effect is there once', async () => {
    const world = await aRace();
    world.line.loseAnswer('commit');
    world.phaseTwo.next('confirm 1', 'answer-lost', 'answer-lost');
    await world.done(world.run(bothTries(world)));
    expect(await world.outcome()).toEqual(confirmed);
    expect(world.business.attempts.get('confirm 1')).toEqual([1, 2, 3]);
  });
});

describe('a Commit that is refused while nothing is decided', () => {
  it.each(bothWays)('leads to a rollback of everything registered; %s', async (_, lost) => {
    const world = await aRace({ participant: { barrier: true } });
    if (lost) world.line.loseAnswer('commit');
    const run = world.run(async (tx) => {
      await world.use(tx, guarded).reserve(order);
      // Somebody registers a branch of this run that it knows nothing of.
      expect((await world.registerMore('2')).kind).toBe('ok');
    });
    const error = await world.cancelled(run);
    expect(error).toMatchObject({ status: 'cancelled', cause: { code: 'BRANCHES_MISMATCH' } });
    const repeats = lost ? ['commit'] : [];
    expect(world.line.left).toEqual(['register', 'commit', ...repeats, 'rollback']);
    const ends = { 1: 'reserved, returned', 2: 'nothing' };
    expect(await world.outcome()).toEqual(alike('cancelled', ends));
  });
});

describe('a Commit and the timeout', () => {
  it.each(bothWays)(
    'where the timeout was first: all is cancelled; the Commit %s',
    async (_, lost) => {
      const { world, go, run } = await tried();
      if (lost) world.line.loseAnswer('commit');
      const pending = new Gate();
      world.store.hold('decide', pending);
      await world.reach((await world.stored()).deadlineAt);
      await world.still(pending.reached);
      go.open();
      await world.until(() => world.line.left.includes('commit'));
      expect((await world.view()).status).toBe('trying');
      pending.open();
      const error: TransactionCancelledError = await world.cancelled(run);
      expect(error).toMatchObject({
        code: 'TRANSACTION_CANCELLED',
        cause: { code: 'DEADLINE_EXCEEDED' },
      });
      expect(world.line.left).toEqual(['register', ...(lost ? ['commit'] : []), 'commit']);
      expect(await world.outcome()).toEqual(cancelled);
      expect(await world.stored()).toMatchObject({ cause: { kind: 'timeout' } });
    },
  );

  it.each(bothWays)('where the Commit was first: all is confirmed; it is %s', async (_, lost) => {
    const { world, go, run } = await tried();
    if (lost) world.line.loseAnswer('commit');
    const pending = new Gate();
    world.store.hold('decide', pending);
    go.open();
    await world.still(pending.reached);
    await world.reach((await world.stored()).deadlineAt + 1_000);
    expect((await world.view()).status).toBe('trying');
    pending.open();
    expect(await world.done(run)).toMatchObject({ status: 'confirmed' });
    expect(await world.outcome()).toEqual(confirmed);
    expect(await world.stored()).toMatchObject({ cause: { kind: 'commit' } });
  });
});

describe('a Commit and a twin’s Rollback', () => {
  it.each(bothWays)('where the Rollback was first; the Commit %s', async (_, lost) => {
    const { world, go, run } = await tried();
    if (lost) world.line.loseAnswer('commit');
    const pending = new Gate();
    world.store.hold('decide', pending);
    const rollback = world.twinRollsBack({ 1: 'done', 2: 'done' });
    await world.still(pending.reached);
    go.open();
    await world.until(() => world.line.left.includes('commit'));
    expect((await world.view()).status).toBe('trying');
    pending.open();
    expect(await world.still(rollback)).toMatchObject({ kind: 'ok' });
    const error = await world.cancelled(run);
    expect(error).toMatchObject({ cause: { code: 'WRONG_STATUS' } });
    expect(await world.outcome()).toEqual(cancelled);
  });

  it.each(bothWays)('where the Commit was first; it is %s', async (_, lost) => {
    const { world, go, run } = await tried();
    if (lost) world.line.loseAnswer('commit');
    const pending = new Gate();
    world.store.hold('decide', pending);
    go.open();
    await world.still(pending.reached);
    const rollback = world.twinRollsBack({ 1: 'done', 2: 'done' });
    expect((await world.view()).status).toBe('trying');
    pending.open();
    expect(await world.still(rollback)).toMatchObject({
      kind: 'refused',
      error: { code: 'WRONG_STATUS' },
    });
    expect(await world.done(run)).toMatchObject({ status: 'confirmed' });
    expect(await world.outcome()).toEqual(confirmed);
  });
});

describe('a Rollback and a twin’s Commit', () => {
  it.each(bothWays)('where the Commit was first; the Rollback %s', async (_, lost) => {
    const { world, run, pending, commit } = await both('commit', lost);
    pending.open();
    expect(await world.still(commit())).toMatchObject({ kind: 'ok' });
    await expect(world.done(run)).rejects.toMatchObject({ code: 'WRONG_STATUS' });
    expect(await world.outcome()).toEqual(confirmed);
  });

  it.each(bothWays)('where the Rollback was first; it is %s', async (_, lost) => {
    const { world, run, pending, commit } = await both('rollback', lost);
    const late = commit();
    expect((await world.view()).status).toBe('trying');
    pending.open();
    expect(await world.still(late)).toMatchObject({
      kind: 'refused',
      error: { code: 'WRONG_STATUS' },
    });
    expect((await world.cancelled(run)).cause).toMatchObject({ message: 'no' });
    expect(await world.outcome()).toEqual(cancelled);
  });

  /** A run that rolls back after its Tries, with a twin that commits; `first` is pending when this resolves. */
  async function both(first: 'commit' | 'rollback', lost: boolean) {
    const world = await aRace();
    const go = new Gate();
    const pending = new Gate();
    if (lost) world.line.loseAnswer('rollback');
    const run = world.run(async (tx) => {
      await bothTries(world)(tx);
      await go.pass();
      throw new Error('no');
    });
    await world.done(go.reached);
    world.store.hold('decide', pending);
    let sent: ReturnType<RaceWorld['twinCommits']> | undefined;
    const commit = () => (sent ??= world.twinCommits('1', '2'));
    if (first === 'commit') void commit();
    else go.open();
    await world.still(pending.reached);
    go.open();
    await world.until(() => world.line.left.includes('rollback'));
    expect((await world.view()).status).toBe('trying');
    return { world, run, pending, commit };
  }
});
