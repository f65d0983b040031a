import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManualTime } from './manual-time';

/** A time and the list of what ran at which moment. */
function aLog() {
  const time = new ManualTime(1_000);
  const log: string[] = [];
  const note = (what: string) => () => void log.push(`${what}@${time.now()}`);
  return { time, log, note };
}

describe('ManualTime as a clock', () => {
  test('stands still until it is advanced', async () => {
    const time = new ManualTime(1_000);
    expect(time.now()).toBe(1_000);
    await time.settle();
    expect(time.now()).toBe(1_000);
    await time.advance(250);
    expect(time.now()).toBe(1_250);
  });

  test('starts at a plausible Unix time', () => {
    expect(new ManualTime().now()).toBe(1_700_000_000_000);
  });

  test('a jump moves the wall clock and no timer', async () => {
    const { time, log, note } = aLog();
    time.after(100, note('timer'));
    time.jump(3_600_000);
    await time.settle();
    expect(log).toEqual([]);
    time.jump(-3_600_500);
    expect(time.now()).toBe(500);
    await time.advance(100);
    expect(log).toEqual(['timer@600']);
  });
});

describe('ManualTime as a scheduler', () => {
  test('runs timers in the order of their time, equal ones in the order of planning', async () => {
    const { time, log, note } = aLog();
    time.after(30, note('c'));
    time.after(10, note('a'));
    time.after(30, note('d'));
    time.after(20, note('b'));
    await time.advance(30);
    expect(log).toEqual(['a@1010', 'b@1020', 'c@1030', 'd@1030']);
  });

  test('runs a timer at its time, not before', async () => {
    const { time, log, note } = aLog();
    time.after(10, note('a'));
    await time.advance(9);
    expect([log, time.pending]).toEqual([[], 1]);
    await time.advance(1);
    expect([log, time.pending]).toEqual([['a@1010'], 0]);
  });

  test('takes a delay below 0 for 0', async () => {
    const { time, log, note } = aLog();
    time.after(-5, note('a'));
    await time.advance(0);
    expect(log).toEqual(['a@1000']);
  });

  test('a cancelled timer never runs; cancelling twice or too late does nothing', async () => {
    const { time, log, note } = aLog();
    const a = time.after(10, note('a'));
    const b = time.after(10, note('b'));
    a.cancel();
    a.cancel();
    await time.advance(10);
    b.cancel();
    expect([log, time.pending]).toEqual([['b@1010'], 0]);
  });

  test('a timer may plan and cancel others, which run within the same advance', async () => {
    const { time, log, note } = aLog();
    const doomed = time.after(20, note('doomed'));
    time.after(10, () => {
      doomed.cancel();
      time.after(5, note('child'));
      time.soon(note('soon'));
    });
    await time.advance(100);
    expect(log).toEqual(['soon@1010', 'child@1015']);
    expect(time.now()).toBe(1_100);
  });

  test('promises that a timer resolves run before later timers', async () => {
    const { time, log, note } = aLog();
    const late = new Promise<void>((resolve) => time.after(10, resolve));
    time.after(11, note('next'));
    const chain = late.then(() => undefined).then(note('promise'));
    await time.advance(20);
    await chain;
    expect(log).toEqual(['promise@1010', 'next@1011']);
  });

  test('is the same sequence however the time is cut into steps', async () => {
    const delays = fc.array(fc.nat({ max: 50 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        delays,
        fc.array(fc.nat({ max: 20 }), { maxLength: 5 }),
        async (at, cuts) => {
          const whole = aLog();
          const pieces = aLog();
          for (const { time, note } of [whole, pieces]) {
            for (const [i, delay] of at.entries()) time.after(delay, note(`${i}`));
          }
          await whole.time.advance(100);
          for (const cut of cuts) await pieces.time.advance(cut);
          await pieces.time.advance(100 - cuts.reduce((a, b) => a + b, 0));
          expect(pieces.log).toEqual(whole.log);
          expect(whole.log).toHaveLength(at.length);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('settle', () => {
  test('runs what is soon, what that plans for soon, and the promises between', async () => {
    const { time, log, note } = aLog();
    time.soon(() => {
      note('first')();
      void Promise.resolve()
        .then(note('promise'))
        .then(() => time.soon(note('second')));
    });
    expect([log, time.pending]).toEqual([[], 1]);
    await time.settle();
    expect([log, time.pending]).toEqual([['first@1000', 'promise@1000', 'second@1000'], 0]);
  });

  test('soon runs after everything that is ready in this turn', async () => {
    const { time, log, note } = aLog();
    time.soon(note('soon'));
    void Promise.resolve().then(note('ready'));
    await time.settle();
    expect(log).toEqual(['ready@1000', 'soon@1000']);
  });

  test('waits for a chain of 40 awaits', async () => {
    const { time, log, note } = aLog();
    const chain = async () => {
      for (let i = 0; i < 40; i++) await Promise.resolve();
      note('end')();
    };
    void chain();
    await time.settle();
    expect(log).toEqual(['end@1000']);
  });
});
