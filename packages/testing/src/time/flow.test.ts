import { describe, expect, it } from '@jest/globals';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { Flow } from './flow';
import { UnderWay } from './under-way';
import { VirtualTime } from './virtual-time';

function aFlow() {
  const real = { clock: systemClock, scheduler: systemScheduler };
  const time = new VirtualTime(0, systemScheduler);
  const underWay = new UnderWay(real, 1_000);
  return { time, underWay, flow: new Flow({ time, underWay, real, check: () => undefined }) };
}

describe('Flow', () => {
  it('F1: lets what a timer caused come to rest before the next one, real work included', async () => {
    const { time, underWay, flow } = aFlow();
    const story: string[] = [];
    time.after(10, () => {
      const work = underWay.begin();
      systemScheduler.after(5, () => {
        story.push('real work');
        work.end();
        void Promise.resolve()
          .then(() => time.soon(() => story.push('what it caused')))
          .then(() => time.after(1, () => story.push('and planned')));
      });
    });
    time.after(1_000, () => story.push('the next timer'));
    await flow.advance(2_000);
    expect(story).toEqual(['real work', 'what it caused', 'and planned', 'the next timer']);
    expect(time.now()).toBe(2_000);
  });

  it('F2: refuses a second one, and goes on after the first', async () => {
    const { flow } = aFlow();
    const first = flow.advance(10);
    await expect(flow.until('until', Promise.resolve())).rejects.toThrow(
      /until was called while advance/,
    );
    await first;
    await flow.advance(10);
  });

  it('F3: passes no more time than it takes', async () => {
    const { time, flow } = aFlow();
    const slept = new Promise<string>((resolve) => void time.after(70, () => resolve('slept')));
    time.after(5_000, () => undefined);
    expect(await flow.until('until', slept)).toBe('slept');
    expect(time.now()).toBe(70);
    await flow.passUntil('looking', 100, async () => time.now() > 1_000);
    expect(time.now()).toBe(170);
  });

  it('waits for a promise of real time without a timer to move to', async () => {
    const { time, flow } = aFlow();
    const real = new Promise<number>((resolve) => void systemScheduler.after(10, () => resolve(1)));
    expect(await flow.until('until', real)).toBe(1);
    expect(time.now()).toBe(0);
  });

  it('gives a rejection on, also where the first one is still running', async () => {
    const { flow } = aFlow();
    await expect(flow.until('until', Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});
