/** Answers that are lost with their connection, after what they tell of took effect: real sockets, reset. */
import { describe, expect, it } from '@jest/globals';
import { Coordinator, type CoordinatorInterceptor } from '@tercet/coordinator';
import { type CallContext, TryUnknownError, createTercet } from '@tercet/sdk';
import { aFolder, afterTest } from '../support/clean-up';
import { type CutPath, aPath } from '../support/cut-path';
import { type Step, Business, plain } from '../support/race/business';
import { order } from '../support/race/race-world';

const gid = 'order-1';

/** A coordinator and a participant, each behind a path of its own. */
async function site() {
  const business = new Business({});
  await business.start();
  afterTest(() => business.stop());
  const decided: (() => void)[] = [];
  const watching: CoordinatorInterceptor = {
    decision: (_event, next) => {
      for (const tell of decided.splice(0)) tell();
      next();
    },
  };
  const coordinator = new Coordinator({
    config: { grpcAddress: '127.0.0.1:0', httpAddress: 'off', dataDir: aFolder() },
    interceptors: [watching],
  });
  const { grpcPort } = await coordinator.start();
  afterTest(() => coordinator.stop());
  const toCoordinator = await aPath(`127.0.0.1:${grpcPort}`);
  const toBusiness = await aPath(business.address);
  const tercet = createTercet({ coordinator: toCoordinator.address });
  afterTest(() => tercet.close());
  const run = (fail?: Error) =>
    tercet.run({ name: 'race', gid, phaseTwoWaitMs: 20_000 }, async (tx) => {
      await tx.use(plain, { target: toBusiness.address }).reserve(order);
      if (fail !== undefined) throw fail;
    });
  return { business, decided, toCoordinator, toBusiness, tercet, run };
}

/** Cuts the path at the first attempt, after its effect and before its answer. */
function cutOnce(path: CutPath): Step {
  return ({ attempt }: CallContext) => (attempt === 1 ? path.cut() : undefined);
}

describe('a connection that is lost after', () => {
  it.each(['commit', 'rollback'] as const)(
    'a %s became durable: it is repeated, and told the same',
    async (kind) => {
      const { business, decided, toCoordinator, tercet, run } = await site();
      let cuts = 0;
      decided.push(() => {
        cuts += 1;
        toCoordinator.cut();
      });
      const end = run(kind === 'rollback' ? new Error('no') : undefined);
      if (kind === 'commit') expect(await end).toMatchObject({ status: 'confirmed' });
      else
        await expect(end).rejects.toMatchObject({ status: 'cancelled', cause: { message: 'no' } });
      const status = kind === 'commit' ? 'confirmed' : 'cancelled';
      expect((await tercet.wait(gid, { for: 'settled' })).status).toBe(status);
      const effects = kind === 'commit' ? 'reserved, confirmed' : 'reserved, returned';
      expect(business.ledger.tell('1')).toBe(effects);
      expect(cuts).toBe(1);
    },
  );

  it('a Try took effect: it is not sent again, but undone', async () => {
    const { business, toBusiness, tercet, run } = await site();
    business.after.set('try 1', cutOnce(toBusiness));
    await expect(run()).rejects.toMatchObject({ cause: expect.any(TryUnknownError) });
    expect((await tercet.wait(gid, { for: 'settled' })).status).toBe('cancelled');
    expect(business.arrived.filter((call) => call === 'try 1')).toHaveLength(1);
    expect(business.ledger.tell('1')).toBe('reserved, returned');
  });

  it.each(['confirm', 'cancel'] as const)(
    'a %s took effect: it comes again and has no second one',
    async (phase) => {
      const { business, toBusiness, tercet, run } = await site();
      business.after.set(`${phase} 1`, cutOnce(toBusiness));
      const end = run(phase === 'cancel' ? new Error('no') : undefined);
      await end.catch(() => undefined);
      const view = await tercet.wait(gid, { for: 'settled' });
      expect(view.status).toBe(phase === 'confirm' ? 'confirmed' : 'cancelled');
      expect(business.attempts.get(`${phase} 1`)).toEqual([1, 2]);
      const effects = phase === 'confirm' ? 'reserved, confirmed' : 'reserved, returned';
      expect(business.ledger.tell('1')).toBe(effects);
    },
  );
});
