import { describe, expect, it } from '@jest/globals';
import { ClosedLoop } from './closed-loop';

/** Transactions that end when the test says so. */
function byHand() {
  const running: { end(timeMs: number): void; fail(error: Error): void }[] = [];
  const transact = (): Promise<number> =>
    new Promise((resolve, reject) => running.push({ end: resolve, fail: reject }));
  return { loop: new ClosedLoop(transact), running };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a closed loop', () => {
  it('has as many transactions under way as it has workers, and begins the next when one ends', async () => {
    const { loop, running } = byHand();
    loop.start(3);
    expect(running).toHaveLength(3);
    running[1]?.end(5);
    await turn();
    expect(running).toHaveLength(4);
    expect(loop.done).toBe(1);
  });

  it('tells what ended since it was opened', async () => {
    const { loop, running } = byHand();
    loop.start(1);
    running[0]?.end(1);
    await turn();
    loop.open();
    running[1]?.end(2);
    await turn();
    running[2]?.end(3);
    await turn();
    expect(loop.close()).toEqual([2, 3]);
    expect(loop.close()).toEqual([]);
  });

  it('stops when the last transactions have ended', async () => {
    const { loop, running } = byHand();
    loop.start(2);
    let stopped = false;
    const stopping = loop.stop().then(() => {
      stopped = true;
    });
    running[0]?.end(1);
    await turn();
    expect(stopped).toBe(false);
    running[1]?.end(1);
    await stopping;
    expect(running).toHaveLength(2);
  });

  // A run in which every second transaction failed would look twice as fast.
  it('ends with the first transaction that fails, and says so whatever is asked', async () => {
    const { loop, running } = byHand();
    loop.start(2);
    running[0]?.fail(new Error('refused'));
    await turn();
    running[1]?.end(1);
    await turn();
    expect(running).toHaveLength(2);
    expect(() => loop.done).toThrow('refused');
    expect(() => loop.close()).toThrow('refused');
    await expect(loop.stop()).rejects.toThrow('refused');
  });
});
