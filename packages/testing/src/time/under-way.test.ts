import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { UnderWay } from './under-way';

function underWay() {
  const time = new ManualTime();
  return { time, work: new UnderWay({ clock: time, scheduler: time }, 100) };
}

describe('UnderWay', () => {
  it('U1: counts work from its beginning to its end, but not while it sleeps', () => {
    const { work } = underWay();
    const one = work.begin();
    const two = work.begin('two');
    one.end();
    one.end();
    expect(work.busy).toBe(true);
    const sleepers = work.sleepers('two');
    sleepers.sleep();
    two.sleep();
    sleepers.wake();
    expect(work.busy).toBe(false);
    two.wake();
    expect(work.busy).toBe(true);
    two.end();
    expect(work.busy).toBe(false);
  });

  it('U1: tells of every change', async () => {
    const { work } = underWay();
    const one = work.begin();
    for (const change of [one.sleep, one.wake, one.end]) {
      const other = work.begin();
      const changed = work.changed();
      change();
      await changed;
      other.end();
    }
  });

  it('U2: passes work over that shows no sign of life, until it shows one', async () => {
    const { time, work } = underWay();
    const hanging = work.begin();
    await time.advance(60);
    const younger = work.begin();
    const changed = work.changed();
    await time.advance(40);
    await changed;
    expect(work.busy).toBe(true);
    younger.end();
    expect(work.busy).toBe(false);
    hanging.sleep();
    hanging.wake();
    expect(work.busy).toBe(true);
  });
});
