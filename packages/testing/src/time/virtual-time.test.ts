import { describe, expect, it } from '@jest/globals';
import { systemScheduler } from '@tercet/runtime';
import { VirtualTime } from './virtual-time';

const turn = (): Promise<void> => new Promise((resolve) => systemScheduler.soon(resolve));

describe('VirtualTime', () => {
  it('V1: runs work in the order of its time, then of its planning', () => {
    const time = new VirtualTime(1_000, systemScheduler);
    const story: string[] = [];
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['d', 40],
    ] as const) {
      time.after(at, () => story.push(`${name}@${time.now()}`));
    }
    while (time.nextAt !== undefined) time.runNext();
    expect(story).toEqual(['a@1010', 'b1@1020', 'b2@1020', 'c@1030', 'd@1040']);
  });

  it('V1: keeps the order with thousands of timers, most of them taken back', () => {
    const time = new VirtualTime(0, systemScheduler);
    const ran: number[] = [];
    for (let i = 0; i < 5_000; i++) {
      const at = (i * 7_919) % 5_003;
      const timer = time.after(at + 1, () => ran.push(at));
      if (i % 10 !== 0) timer.cancel();
    }
    expect(time.planned).toBe(500);
    while (time.nextAt !== undefined) time.runNext();
    expect(ran).toHaveLength(500);
    expect(ran).toEqual([...ran].sort((a, b) => a - b));
  });

  it('V2: runs what is due now by itself, and nothing else', async () => {
    const time = new VirtualTime(0, systemScheduler);
    const story: string[] = [];
    time.after(1, () => story.push('later'));
    time.after(0, () => story.push('now'));
    time.soon(() => story.push('soon'));
    expect([time.busy, story]).toEqual([true, []]);
    await turn();
    await turn();
    expect([time.busy, story]).toEqual([false, ['now', 'soon']]);
  });

  it('V3: shows every change', async () => {
    const time = new VirtualTime(0, systemScheduler);
    const seen = new Set([time.changes]);
    const timer = time.after(5, () => undefined);
    seen.add(time.changes);
    timer.cancel();
    seen.add(time.changes);
    time.soon(() => undefined);
    seen.add(time.changes);
    await turn();
    seen.add(time.changes);
    expect(seen.size).toBe(5);
  });

  it('never goes back, and runs nothing that was taken back, however often', () => {
    const time = new VirtualTime(100, systemScheduler);
    const timer = time.after(5, () => {
      throw new Error('ran');
    });
    timer.cancel();
    timer.cancel();
    time.runNext();
    time.moveTo(50);
    expect([time.now(), time.planned]).toEqual([100, 0]);
  });
});
