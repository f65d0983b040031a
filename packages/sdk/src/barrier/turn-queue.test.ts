import { describe, expect, test } from '@jest/globals';
import { TurnQueue } from './turn-queue';

describe('TurnQueue', () => {
  test('gives turns one at a time, in the order of coming', async () => {
    const queue = new TurnQueue();
    const log: string[] = [];
    const enter = async (name: string): Promise<void> => {
      const end = await queue.enter(10);
      log.push(`${name} in`);
      await Promise.resolve();
      log.push(`${name} out`);
      end?.();
    };
    await Promise.all(['a', 'b', 'c'].map(enter));
    expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  test('is full when `max` wait', async () => {
    const queue = new TurnQueue();
    const end = await queue.enter(1);
    const second = queue.enter(1);
    expect([queue.length, queue.enter(1)]).toEqual([1, undefined]);
    end?.();
    (await second)?.();
    expect(queue.enter(1)).toBeDefined();
  });

  test('ending a turn twice ends nobody else’s', async () => {
    const queue = new TurnQueue();
    const end = await queue.enter(10);
    void queue.enter(10);
    const third = queue.enter(10);
    let isIn = false;
    void third?.then(() => (isIn = true));
    end?.();
    end?.();
    await Promise.resolve();
    expect([isIn, queue.length]).toEqual([false, 1]);
  });
});
