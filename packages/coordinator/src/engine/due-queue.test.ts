import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import fc from 'fast-check';
import { type DueKey, DueQueue } from './due-queue';

interface Named extends DueKey {
  readonly name: string;
}

/** The queue, by the names of its keys. */
class NamedQueue {
  private readonly keys = new Map<string, Named>();

  constructor(readonly queue: DueQueue<Named>) {}

  set(name: string, at: number): void {
    this.queue.set(this.of(name), at);
  }

  delete(name: string): void {
    this.queue.delete(this.of(name));
  }

  private of(name: string): Named {
    const key = this.keys.get(name) ?? { name, due: undefined };
    this.keys.set(name, key);
    return key;
  }
}

function aQueue(): { time: ManualTime; seen: string[]; named: NamedQueue; queue: DueQueue<Named> } {
  const time = new ManualTime(0);
  const seen: string[] = [];
  const queue = new DueQueue<Named>({ clock: time, scheduler: time }, ({ name }) => {
    seen.push(`${name}@${time.now()}`);
  });
  return { time, seen, queue, named: new NamedQueue(queue) };
}

describe('DueQueue', () => {
  it('runs keys at their time, with one timer for all', async () => {
    const { time, seen, queue, named } = aQueue();
    named.set('b', 20);
    named.set('a', 10);
    named.set('c', 30);
    expect(time.pending).toBe(1);
    await time.advance(25);
    expect(seen).toEqual(['a@10', 'b@20']);
    queue.close();
    expect(time.pending).toBe(0);
  });

  it('lets a later plan replace an earlier one', async () => {
    const { time, seen, named } = aQueue();
    named.set('a', 10);
    named.set('a', 50);
    await time.advance(49);
    expect(seen).toEqual([]);
    await time.advance(1);
    expect(seen).toEqual(['a@50']);
  });

  it('sleeps at most a minute, so that a jump of the wall clock is noticed', async () => {
    const { time, seen, named } = aQueue();
    named.set('a', 3_600_000);
    time.jump(3_600_000);
    await time.advance(60_000);
    expect(seen).toHaveLength(1);
  });

  it('does not hold what was taken back, whatever lies before it', () => {
    const { queue, named } = aQueue();
    named.set('early', 1);
    for (let i = 0; i < 10_000; i++) {
      named.set(`k${i}`, 1_000 + i);
      named.delete(`k${i}`);
    }
    expect(queue.size).toBe(1);
    expect(queue.held).toBeLessThan(100);
    queue.close();
  });

  it('runs every key that is still planned, in order of time, whatever was replaced or removed', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      at: fc.integer({ min: 1, max: 1_000 }),
      remove: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { time, seen, queue, named } = aQueue();
        const model = new Map<string, number>();
        for (const { key, at, remove } of steps) {
          if (remove) {
            named.delete(key);
            model.delete(key);
          } else {
            named.set(key, at);
            model.set(key, at);
          }
        }
        expect(queue.size).toBe(model.size);
        await time.advance(1_000);
        expect([...seen].sort()).toEqual([...model].map(([key, at]) => `${key}@${at}`).sort());
        const times = seen.map((entry) => Number(entry.split('@')[1]));
        expect(times).toEqual([...times].sort((x, y) => x - y));
        expect(time.pending).toBe(0);
      }),
    );
  });
});
