/** Rules A1 and A2 of aging.ts, in a whole engine under a virtual clock. */
import { describe, expect, it } from '@jest/globals';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { failed, ok } from '../../test/support/scripted-caller';

const day = 86_400_000;

/** An engine whose participants announce a retention of two days. */
async function aWorld(retentionMs: number | undefined = 2 * day) {
  const world = new EngineWorld();
  const known: { retentionMs: number | undefined } = { retentionMs };
  Object.assign(world.caller, { barrierRetentionMs: () => known.retentionMs });
  await world.start();
  const aged = () =>
    world.logger.lines.filter(({ message }) => message.includes('its participant remembers it'));
  return { world, known, aged };
}

/** A decided transaction whose branch 1 is parked, and branch 2 done. */
async function parked(world: EngineWorld): Promise<void> {
  await world.open('order-1', branches('1', '2'));
  world.caller.always('1', failed('FAILED_PRECONDITION', 'by hand', { verdict: 'park' }));
  await world.done(world.commit('order-1', '1', '2'));
}

describe('a branch that is older than half of its participant’s memory', () => {
  it('is told once, though it was told to be stuck long before (A1)', async () => {
    const { world, aged } = await aWorld();
    await parked(world);
    await world.time.advance(day - 1);
    expect(aged()).toEqual([]);
    await world.time.advance(5_000);
    expect(aged()).toMatchObject([
      {
        level: 'warn',
        fields: {
          gid: 'order-1',
          branch: '1',
          action: 'reserve',
          phase: 'confirm',
          message: 'by hand',
          ageMs: expect.any(Number),
          retentionMs: 2 * day,
          alert: 'P1',
        },
      },
    ]);
    await world.time.advance(2 * day);
    expect(aged()).toHaveLength(1);
    expect(world.time.pending).toBe(0);
  });

  it('is not told where it ended in time, and nothing is looked at any more', async () => {
    const { world, aged } = await aWorld();
    await world.open('order-1', branches('1'));
    world.caller.script('1', failed('UNAVAILABLE'));
    world.caller.always('1', ok);
    await world.done(world.commit('order-1', '1'));
    await world.time.advance(2 * day);
    expect(aged()).toEqual([]);
    expect(world.time.pending).toBe(0);
  });

  it('is told once its participant has announced a retention, however late (A2)', async () => {
    const { world, known, aged } = await aWorld();
    known.retentionMs = undefined;
    await parked(world);
    await world.time.advance(3 * day);
    expect(aged()).toEqual([]);
    known.retentionMs = 2 * day;
    await world.time.advance(3_600_000);
    expect(aged()).toHaveLength(1);
  });

  it('is nobody’s business where no caller can know', async () => {
    const world = new EngineWorld();
    await world.start();
    await parked(world);
    await world.time.advance(day);
    expect(world.time.pending).toBe(0);
  });
});
