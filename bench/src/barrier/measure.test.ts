import { expect, test } from '@jest/globals';
import { cost, perSecond, statementsEach } from './measure';

test('the cost is the middle of how often the base fits in, round by round', () => {
  expect(cost([100, 200, 300], [50, 100, 100])).toBe(2);
  expect(cost([100], [100])).toBe(1);
});

test('only what ends in the measured time counts, and a failure is no number', async () => {
  let running = 0;
  let most = 0;
  const rate = await perSecond(
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    },
    { concurrency: 4, warmUpMs: 5, measureMs: 20 },
  );
  expect([most, running]).toEqual([4, 0]);
  expect(rate).toBeGreaterThan(0);
  const failing = perSecond(() => Promise.reject(new Error('no row')), {
    concurrency: 1,
    warmUpMs: 1,
    measureMs: 1,
  });
  await expect(failing).rejects.toThrow('no row');
});

test('statements are those of the transactions alone', async () => {
  let sent = 40;
  const pool = {
    query: async () => {
      sent += 1;
      return [[{ Variable_name: 'Questions', Value: String(sent) }]];
    },
  };
  let times = 0;
  const each = await statementsEach(
    pool as never,
    async () => {
      // The first one on a connection asks more.
      sent += times++ === 0 ? 9 : 5;
    },
    10,
  );
  expect(each).toBe(5);
});
