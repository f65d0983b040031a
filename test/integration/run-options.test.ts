import { describe, expect, it } from '@jest/globals';
import { TccReject, type TransactionContext, createTercet } from '@tercet/sdk';
import { afterTest } from '../support/clean-up';
import { type Participant, aShop, shop } from '../support/shop';

const order = { sku: 'tea', quantity: 2 };
const payment = { account: 'ann', cents: 30 };

describe('the value of a run', () => {
  it('reaches a run of another client that attaches, also after a restart of its own', async () => {
    const { tercet, participant, port } = await aShop();
    const value = { id: 7n, at: new Date(1_700_000_000_000), proof: new Uint8Array([1, 2]) };
    const buy = async (tx: TransactionContext): Promise<typeof value> => {
      await tx.use(shop, { target: participant.target }).reserve(order);
      return value;
    };
    const options = { name: 'buy', gid: 'order-1' };
    const first = await tercet.run(options, buy);
    const other = createTercet({ coordinator: `127.0.0.1:${port}` });
    afterTest(() => other.close());
    const second = await other.run(options, buy);
    expect(second).toMatchObject({ attached: true, runId: first.runId, status: 'confirmed' });
    expect(second.value).toEqual(value);
    expect(participant.story).toEqual(['try reserve', 'confirm reserve']);
  });
});

describe('phaseTwoOrder', () => {
  /** The phase-two calls of a run whose second branch is slow. */
  async function story(
    participant: Participant,
    run: (work: (tx: TransactionContext) => Promise<unknown>) => Promise<unknown>,
  ): Promise<readonly string[]> {
    await run(async (tx) => {
      const at = tx.use(shop, { target: participant.target });
      await at.reserve(order);
      await at.charge(payment);
    }).catch(() => {});
    return participant.story.filter((each) => !each.startsWith('try'));
  }

  it.each([
    ['registration', ['confirm reserve', 'confirm charge']],
    ['reverse', ['confirm charge', 'confirm reserve']],
  ] as const)('%s is the order of Confirm', async (phaseTwoOrder, expected) => {
    const { tercet, participant } = await aShop();
    expect(
      await story(participant, (work) => tercet.run({ name: 'buy', phaseTwoOrder }, work)),
    ).toEqual(expected);
  });

  it('reverse is the order of Cancel, too', async () => {
    const { tercet, participant } = await aShop();
    participant.hooks.set('try charge', () => {
      throw new TccReject('balance too low');
    });
    const options = { name: 'buy', phaseTwoOrder: 'reverse' } as const;
    expect(await story(participant, (work) => tercet.run(options, work))).toEqual([
      'cancel charge',
      'cancel reserve',
    ]);
  });

  it('lets a branch wait for the one that is parked, which ends every wait at once', async () => {
    const { tercet, participant } = await aShop();
    participant.hooks.set('confirm reserve', (_request, ctx) => ctx.park('the shelf is gone'));
    const run = await tercet.run(
      { name: 'buy', gid: 'order-1', phaseTwoOrder: 'registration', phaseTwoWaitMs: 300 },
      async (tx) => {
        const at = tx.use(shop, { target: participant.target });
        await at.reserve(order);
        await at.charge(payment);
      },
    );
    expect(run).toMatchObject({
      status: 'confirming',
      branches: [
        { branch: '1', status: 'pending' },
        { branch: '2', status: 'pending' },
      ],
    });
    expect(participant.story).not.toContain('confirm charge');
    await expect(tercet.wait('order-1', { for: 'settled' })).rejects.toMatchObject({
      name: 'TransactionStuckError',
      branches: [{ branch: '1', parked: true, stuckReason: 'parked' }],
    });
    const view = await tercet.wait('order-1', { for: 'decided' });
    expect(view.branches).toMatchObject([{ parked: true }, { parked: false, waitsFor: '1' }]);
  });
});
