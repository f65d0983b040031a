import { describe, expect, it } from '@jest/globals';
import {
  AttachedError,
  TccReject,
  TccRetry,
  type TransactionCancelledError,
  type TransactionContext,
  TryRejectedError,
  TryUnknownError,
} from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { afterTest } from '../support/clean-up';
import { type Participant, type Shop, aCoordinator, aShop, shop } from '../support/shop';

const order = { sku: 'tea', quantity: 2 };
const payment = { account: 'ann', cents: 30 };

/** Both actions of the shop, together. */
function buy(participant: Participant) {
  return (tx: TransactionContext) => {
    const at = tx.use(shop, { target: participant.target });
    return tx.all([at.reserve(order), at.charge(payment)]);
  };
}

async function cancelledRun({ tercet, participant }: Shop): Promise<TransactionCancelledError> {
  return await tercet.run({ name: 'buy', gid: 'order-1' }, buy(participant)).then(
    () => {
      throw new Error('it was not cancelled');
    },
    (error: unknown) => error as TransactionCancelledError,
  );
}

describe('a TCC over real gRPC and SQLite', () => {
  it('confirms everywhere, and gives the typed replies', async () => {
    const { tercet, participant } = await aShop();
    const out = await tercet.run(
      { name: 'buy', gid: 'order-1', labels: { order: '1' } },
      buy(participant),
    );
    expect(out).toMatchObject({ gid: 'order-1', status: 'confirmed', attached: false });
    expect(out.value).toEqual([{ reservationId: 'tea-1' }, { chargeId: 'ann-2', balance: 70 }]);
    expect([...participant.story].sort()).toEqual([
      'confirm charge',
      'confirm reserve',
      'try charge',
      'try reserve',
    ]);
    const view = await tercet.wait('order-1', { for: 'settled' });
    expect(view).toMatchObject({ status: 'confirmed', reached: 'settled', labels: { order: '1' } });
  });

  it('hands the reject’s reason and details to the initiator and cancels every branch', async () => {
    const world = await aShop();
    world.participant.hooks.set('try charge', () => {
      throw new TccReject('balance too low', { missing: 5 });
    });
    const error = await cancelledRun(world);
    expect(error).toMatchObject({
      code: 'TRANSACTION_CANCELLED',
      status: 'cancelled',
      gid: 'order-1',
    });
    expect(error.cause).toBeInstanceOf(TryRejectedError);
    const refused = error.branches.find(({ branch }) => branch === '2');
    expect(refused).toMatchObject({
      phase: 'try',
      service: 'shop.ShopTcc',
      message: 'balance too low',
      details: { missing: 5 },
    });
    expect(world.participant.story.filter((line) => line.startsWith('cancel')).sort()).toEqual([
      'cancel charge',
      'cancel reserve',
    ]);
    const view = await world.tercet.wait('order-1', { for: 'settled' });
    expect(view.branches.map((branch) => branch.phaseOne).sort()).not.toContain('none');
  });

  it('cancels after an error of the callback, and after a Try of unknown end', async () => {
    const { tercet, participant } = await aShop();
    const broken = tercet.run({ name: 'buy', gid: 'order-1' }, async (tx) => {
      await buy(participant)(tx);
      throw new Error('out of paper');
    });
    await expect(broken).rejects.toMatchObject({
      status: 'cancelled',
      cause: { message: 'out of paper' },
    });
    participant.hooks.set('try reserve', () => {
      throw new Error('disk full');
    });
    const unknown = tercet.run({ name: 'buy', gid: 'order-2' }, buy(participant));
    const error: unknown = await unknown.catch((caught: unknown) => caught);
    expect((error as Error).cause).toBeInstanceOf(TryUnknownError);
  });

  it('repeats the same branch where a participant asks for it, with the next attempt number', async () => {
    const { tercet, participant } = await aShop();
    const attempts: number[] = [];
    participant.hooks.set('try reserve', (_, ctx) => {
      attempts.push(ctx.attempt);
      if (ctx.attempt < 3) throw new TccRetry({ after: '10ms' });
    });
    const out = await tercet.run({ name: 'buy' }, buy(participant));
    expect(out.status).toBe('confirmed');
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('reports a durable commit as success while a participant is away, and confirms when it is back', async () => {
    const { tercet, participant, port } = await aShop();
    const operator = createOperatorClient({ address: `127.0.0.1:${port}` });
    afterTest(() => operator.close());
    const out = await tercet.run(
      { name: 'buy', gid: 'order-1', phaseTwoWaitMs: 150 },
      async (tx) => {
        await buy(participant)(tx);
        participant.stop();
      },
    );
    expect(out).toMatchObject({ status: 'confirming' });
    expect(out.branches.map((branch) => branch.status)).toEqual(['pending', 'pending']);
    await participant.start();
    const view = await tercet.wait('order-1', { for: 'settled', timeout: '20s' });
    expect(view.status).toBe('confirmed');
    expect(view.branches.every((branch) => branch.attempts > 1)).toBe(true);
  });

  it('gives a second run of the same gid the first one’s outcome and runs no Try of its own', async () => {
    const { tercet, participant } = await aShop();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    participant.hooks.set('try reserve', () => held);
    const first = tercet.run({ name: 'buy', gid: 'order-1' }, buy(participant));
    await tercet.wait('order-1', { for: 'decided', timeout: '200ms' }).catch(() => undefined);
    let seen: unknown;
    const second = tercet.run({ name: 'buy', gid: 'order-1' }, async (tx) => {
      try {
        await buy(participant)(tx);
      } catch (error) {
        seen = error;
        throw error;
      }
    });
    const other = tercet.run({ name: 'sell', gid: 'order-1' }, buy(participant));
    await expect(other).rejects.toMatchObject({ code: 'GID_CONFLICT' });
    release();
    const { value } = await first;
    expect(await first).toMatchObject({ attached: false, status: 'confirmed' });
    expect(await second).toMatchObject({ attached: true, status: 'confirmed', value });
    expect(seen).toBeInstanceOf(AttachedError);
    expect(participant.story.filter((line) => line.startsWith('try'))).toHaveLength(2);
  });

  it('calls nobody for a run without a Try', async () => {
    const { tercet, coordinator } = await aShop();
    await coordinator.stop();
    expect(await tercet.run({ name: 'nothing' }, () => 7)).toMatchObject({
      status: 'confirmed',
      value: 7,
      branches: [],
    });
  });
});

describe('a coordinator that goes away', () => {
  it('is asked again until it is back: the run does not notice', async () => {
    const { tercet, participant, coordinator, dataDir, port } = await aShop();
    const out = await tercet.run({ name: 'buy', gid: 'order-1', timeout: '30s' }, async (tx) => {
      const replies = await buy(participant)(tx);
      await coordinator.stop();
      void aCoordinator(dataDir, port);
      return replies;
    });
    expect(out.status).toBe('confirmed');
    expect(out.attached).toBe(false);
  });

  it('rolls back what its initiator abandoned', async () => {
    const { participant, port, tercet } = await aShop();
    const lost = tercet.run({ name: 'buy', gid: 'order-1', timeout: '400ms' }, async (tx) => {
      await buy(participant)(tx);
      await new Promise(() => undefined);
    });
    await expect(lost).rejects.toMatchObject({ code: 'TRANSACTION_CANCELLED' });
    expect(port).toBeGreaterThan(0);
    const view = await tercet.wait('order-1', { for: 'settled', timeout: '20s' });
    expect(view.status).toBe('cancelled');
  });
});
