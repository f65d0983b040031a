/** `run` inside a call that is served itself: the deadline of that call. */
import { describe, expect, it } from '@jest/globals';
import { runInScope } from '../transaction-scope';
import { Scenario, gate, shopIn } from '../../test/support/scenario';
import { replied } from '../../test/support/scripted-coordinator';

const item = { sku: 'tea', quantity: 1 };

describe('the caller’s deadline', () => {
  it('bounds the run, its registration and its Tries, where it is sooner than the timeout', async () => {
    const s = new Scenario();
    const deadline = s.time.now() + 700;
    const answer = gate<void>();
    s.caller.onCall = (call) => answer.promise.then(() => replied(call));
    const run = s.run((tx) => shopIn(tx).reserve(item), { deadline, timeout: '10s' });
    await s.time.advance(0);
    expect(s.caller.calls[0]?.deadlineMs).toBe(700);
    await s.time.advance(700);
    answer.open();
    await s.time.settle();
    expect(s.coordinator.kinds).toEqual(['register', 'rollback']);
    expect(run.error).toMatchObject({ cause: { code: 'DEADLINE_EXCEEDED' } });
  });

  it('as a Date means the same, and later than the timeout changes nothing', async () => {
    for (const after of [500, 60_000]) {
      const s = new Scenario();
      const deadline = new Date(s.time.now() + after);
      await s.outcome((tx) => shopIn(tx).reserve(item), { deadline, timeout: '1s' });
      expect(s.coordinator.requests('register')[0]?.branches[0]?.deadlines.forwardMs).toBe(
        Math.min(after, 1_000),
      );
    }
  });

  it('bounds the wait for Confirm', async () => {
    const s = new Scenario();
    const deadline = s.time.now() + 1_500;
    await s.outcome((tx) => shopIn(tx).reserve(item), { deadline, phaseTwoWaitMs: 30_000 });
    expect(s.coordinator.requests('commit')[0]).toMatchObject({ waitMs: 1_500 });
  });

  it('is taken over inside a handler of a served call, unless the options say otherwise', async () => {
    const s = new Scenario();
    const scope = { gid: 'outer', runId: 'f'.repeat(32), deadline: s.time.now() + 900 };
    const work = (tx: Parameters<typeof shopIn>[0]) => shopIn(tx).reserve(item);
    await runInScope(scope, () => s.outcome(work));
    await runInScope(scope, () => s.outcome(work, { deadline: Number.POSITIVE_INFINITY }));
    const deadlines = s.coordinator
      .requests('register')
      .map(({ branches }) => branches[0]?.deadlines.forwardMs);
    expect(deadlines).toEqual([900, 2_000]);
  });

  it('that never comes bounds nothing', async () => {
    const s = new Scenario();
    await s.outcome((tx) => shopIn(tx).reserve(item), { deadline: Number.POSITIVE_INFINITY });
    expect(s.coordinator.requests('commit')[0]).toMatchObject({ waitMs: 2_000 });
  });

  it('that has passed keeps the run from starting', async () => {
    const s = new Scenario();
    const run = await s.outcome(() => 1, { deadline: s.time.now() - 20 });
    expect(run.error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'the caller’s deadline passed 20 ms before the run began; nothing was sent',
    });
    expect(s.coordinator.asked).toEqual([]);
    expect(s.time.pending).toBe(0);
  });

  it.each([[Number.NaN], [new Date('never')], ['2s' as unknown as number]])(
    'that is none is refused: %p',
    async (deadline) => {
      const run = await new Scenario().outcome(() => 1, { deadline });
      expect(run.error).toMatchObject({
        name: 'ConfigError',
        message:
          'deadline must be a Date or Unix milliseconds, such as call.getDeadline() of grpc-js',
      });
    },
  );
});
