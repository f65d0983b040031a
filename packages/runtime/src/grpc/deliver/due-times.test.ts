import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { type Due, DueTimes } from './due-times';

let time: ManualTime;
let due: DueTimes;

beforeEach(() => {
  time = new ManualTime();
  due = new DueTimes(time, time);
});

/** Something that remembers when it was told. */
function anItem(): Due & { at: number | undefined; told: number } {
  return {
    at: undefined,
    told: 0,
    slot: undefined,
    place: 0,
    expire() {
      this.at = time.now();
      this.told++;
    },
  };
}

describe('DueTimes', () => {
  it.each([1, 2, 50, 127, 128, 1_000, 5_000, 59_999, 86_400_000])(
    'D1: tells an item of %i ms once, never early and at most 1 % late',
    async (ms) => {
      await time.advance(12_345);
      const since = time.now();
      const item = anItem();
      due.add(item, ms);
      await time.advance(ms * 1.01 + 1);
      const after = (item.at ?? 0) - since;
      expect(after).toBeGreaterThanOrEqual(ms);
      expect(after).toBeLessThanOrEqual(ms * 1.01 + 1);
      await time.advance(ms * 2);
      expect(item.told).toBe(1);
    },
  );

  it('D2: many that are near each other need few timers', async () => {
    const items = Array.from({ length: 1_000 }, (_, i) => {
      const item = anItem();
      due.add(item, 5_000 + (i % 30));
      return item;
    });
    expect(time.pending).toBeLessThanOrEqual(3);
    await time.advance(5_100);
    expect(items.every(({ told }) => told === 1)).toBe(true);
    expect(time.pending).toBe(0);
  });

  it('D2: one that was taken back is not told, and leaves no timer', async () => {
    const [a, b] = [anItem(), anItem()];
    due.add(a, 5_000);
    due.add(b, 5_000);
    expect(b.slot).toBe(a.slot);
    due.remove(a);
    due.remove(a);
    expect(time.pending).toBe(1);
    due.remove(b);
    expect(time.pending).toBe(0);
    await time.advance(6_000);
    expect(a.told + b.told).toBe(0);
  });

  it('D2: one that takes another back when it is told does so in time', async () => {
    const [first, other] = [anItem(), anItem()];
    first.expire = () => due.remove(other);
    due.add(first, 5_000);
    due.add(other, 5_000);
    await time.advance(6_000);
    expect(other.told).toBe(0);
  });

  it.each([-3_600_000, 30_000])('D3: a jump of the clock by %i ms moves nobody', async (jump) => {
    const before = anItem();
    due.add(before, 60_000);
    time.jump(jump);
    const after = anItem();
    // Without a jump both would be due at the same moment.
    due.add(after, 60_000 - jump > 0 ? 60_000 - jump : 1);
    await time.advance(29_000);
    expect(before.told + after.told).toBe(0);
    await time.advance(2_000);
    expect(after.told).toBe(jump > 0 ? 1 : 0);
    expect(before.told).toBe(0);
    await time.advance(31_000);
    expect(before.told).toBe(1);
  });
});
