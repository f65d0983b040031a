/** How a Try is to travel, and what a run makes of one that never left. */
import { describe, expect, it } from '@jest/globals';
import { TransactionCancelledError, createTercet } from '@tercet/sdk';
import { Scenario, item, shop, shopIn } from '../../test/support/scenario';
import { failed, retryLater } from '../../test/support/scripted-coordinator';

describe('the transport of a Try', () => {
  it('is what tx.use says, and nobody’s business where it says nothing', async () => {
    const s = new Scenario();
    await s.outcome(async (tx) => {
      await tx.use(shop, { target: 'shop:1', transport: 'unary' }).reserve(item);
      await tx.use(shop, { target: 'shop:1', transport: 'auto' }).reserve(item);
      await tx.use(shop, { target: 'shop:1' }).reserve(item);
    });
    const transports = s.caller.calls.map(({ transport }) => transport);
    expect(transports).toEqual(['unary', 'auto', undefined]);
  });

  it('is auto or unary', async () => {
    const s = new Scenario();
    const use = { target: 'shop:1', transport: 'stream' as 'auto' };
    const run = await s.outcome((tx) => void tx.use(shop, use));
    expect(run.error).toMatchObject({
      cause: { name: 'ConfigError', message: "transport must be 'auto' or 'unary', got stream" },
    });
    expect(() => createTercet({ deliver: 'stream' as 'auto' })).toThrow(
      "deliver must be 'auto' or 'unary', got stream",
    );
  });
});

describe('a Try that never left', () => {
  /** What the rollback tells of the run's one Try, and the error of the run. */
  async function ofUnsent(code: number, attempts = 1) {
    const s = new Scenario();
    s.caller.onCall = (_call, n) =>
      n < attempts ? retryLater() : failed(code, 'it waited for its turn', { sent: false });
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    if (!(run.error instanceof TransactionCancelledError)) throw new Error('it was cancelled');
    return { error: run.error, tries: s.coordinator.requests('rollback')[0]?.tries };
  }

  it.each([
    [4, 'DEADLINE_EXCEEDED'],
    [1, 'CALL_CANCELLED'],
    [8, 'LIMIT_EXCEEDED'],
    [3, 'INVALID_ARGUMENT'],
    [14, 'CALL_CANCELLED'],
  ])('A5: with code %i is told as not sent, and is no unknown one: %s', async (code, name) => {
    const { error, tries } = await ofUnsent(code);
    expect(error.cause).toMatchObject({
      code: name,
      message: 'this Try was not sent: it waited for its turn',
    });
    expect([...(tries ?? [])]).toEqual([['1', 'not-sent']]);
  });

  it('A5: leaves it at what the attempt before said', async () => {
    const { tries } = await ofUnsent(4, 2);
    expect([...(tries ?? [])]).toEqual([['1', 'refused']]);
  });

  it('A5: fails with what an interceptor threw, and is still not sent', async () => {
    const s = new Scenario({
      interceptors: [
        {
          try: async (_info, next) => {
            await next();
            throw new Error('mine');
          },
        },
      ],
    });
    s.caller.onCall = () => failed(4, 'it waited for its turn', { sent: false });
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({ cause: { message: 'mine' } });
    const { tries } = s.coordinator.requests('rollback')[0] ?? {};
    expect([...(tries ?? [])]).toEqual([['1', 'not-sent']]);
  });
});
