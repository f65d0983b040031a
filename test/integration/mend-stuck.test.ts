/** How an operator finds stuck work and mends it, with the command and nothing else. */
import { describe, expect, it, jest } from '@jest/globals';
import { Coordinator } from '@tercet/coordinator';
import { systemRandom, systemScheduler } from '@tercet/runtime';
import { TccPark, type Tercet, defineTcc } from '@tercet/sdk';
// eslint-disable-next-line import-x/no-relative-packages -- the SDK's own test service, no part of what it exports
import { ShopTccService } from '../../packages/sdk/test/support/shop-service';
import { aFolder, afterTest } from '../support/clean-up';
import { aParticipant, aShop, anInitiator, shop } from '../support/shop';
import { tercetCommand } from '../support/tercet-command';

// A participant that comes back is reconnected to within some seconds.
jest.setTimeout(60_000);

/** Resolves once some branch was called in phase two. */
async function attempted(tercet: Tercet, gid: string): Promise<void> {
  for (;;) {
    const { branches } = await tercet.get(gid);
    if (branches.some(({ attempts }) => attempts > 0)) return;
    await new Promise<void>((resolve) => systemScheduler.after(20, resolve));
  }
}

const order = { sku: 'tea', quantity: 2 };
/** Nobody listens on port 1. */
const typo = '127.0.0.1:1';

describe('a branch whose target never existed', () => {
  it('is found, looked at, and resolved: the way out that needs no participant', async () => {
    const { tercet, port } = await aShop();
    const run = tercet.run({ name: 'buy', gid: 'order-1', phaseTwoWaitMs: 0 }, (tx) =>
      tx.use(shop, { target: typo }).reserve(order),
    );
    await expect(run).rejects.toMatchObject({ code: 'TRANSACTION_CANCELLED' });
    const described = await tercetCommand(port, 'tx', 'get', 'order-1');
    expect(described.stdout).toMatch(/\nstatus +cancelling\n/);

    const verdict = [
      'resolve',
      'order-1',
      '1',
      '--as',
      'cancelled',
      '--reason',
      'typo: no such host',
    ];
    expect(await tercetCommand(port, ...verdict)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--confirm=order-1/1'),
    });
    expect(await tercetCommand(port, ...verdict, '--dry-run')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('branch 1 of order-1 would be resolved as cancelled'),
    });
    expect((await tercet.get('order-1')).status).toBe('cancelling');

    const confirm = '--confirm=order-1/1';
    const resolved = await tercetCommand(port, ...verdict, confirm);
    expect(resolved).toMatchObject({ exitCode: 0, stderr: 'Next: tercet tx get order-1\n' });
    expect(resolved.stdout).toMatch(
      /^branch 1 of order-1 is resolved as cancelled\norder-1 is cancell/,
    );
    const view = await tercet.wait('order-1', { for: 'settled' });
    expect(view).toMatchObject({
      status: 'cancelled',
      branches: [
        {
          status: 'cancelled',
          verdict: { asserted: 'cancelled', by: 'ann@ops', reason: 'typo: no such host' },
        },
      ],
    });
    const after = await tercetCommand(port, 'tx', 'get', 'order-1');
    expect(after.stdout).toMatch(/\n1 +cancelled +ann@ops +\S+Z +typo: no such host\n$/);
    expect(await tercetCommand(port, ...verdict, confirm, '--by', 'bob')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^branch 1 of order-1 was resolved at \S+Z by ann@ops: typo: no such host\norder-1 is cancelled\n$/,
      ),
    });
  });
});

describe('a participant that parks', () => {
  it('is called again after it was mended and its branch resumed', async () => {
    const { tercet, port, participant } = await aShop();
    participant.hooks.set('confirm charge', () => {
      throw new TccPark('the account is frozen');
    });
    const out = await tercet.run({ name: 'buy', gid: 'order-1' }, (tx) => {
      const at = tx.use(shop, { target: participant.target });
      return tx.all([at.reserve(order), at.charge({ account: 'ann', cents: 30 })]);
    });
    expect(out.status).toBe('confirming');

    const stuck = await tercetCommand(port, 'stuck', '--check');
    expect(stuck).toMatchObject({
      exitCode: 8,
      stdout: expect.stringMatching(
        /\norder-1 +buy +2 .* - +parked +FAILED_PRECONDITION +the account is frozen\n$/,
      ),
      stderr: '1 stuck branch in 1 transaction. Next: tercet resume order-1 2\n',
    });
    const described = await tercetCommand(port, 'tx', 'get', 'order-1');
    expect(described.stdout).toMatch(/\n2 .* registered +1 +parked +parked /);
    expect(await tercetCommand(port, 'retry', 'order-1')).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining('resume it to have it called again'),
    });

    participant.hooks.clear();
    expect(await tercetCommand(port, 'resume', 'order-1', '2')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^branch 2 of order-1 is resumed and due now\n/),
    });
    const view = await tercet.wait('order-1', { for: 'settled' });
    expect(view.branches).toMatchObject([
      { attempts: 1 },
      { attempts: 2, parked: false, verdict: undefined },
    ]);
    expect((await tercetCommand(port, 'stuck', '--check')).exitCode).toBe(0);
  });
});

describe('a participant that was away', () => {
  const patient = defineTcc(
    ShopTccService,
    { reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } },
    { retry: { firstDelay: '1h', maxDelay: '1h' }, stuckAttempts: 1, barrier: true },
  );

  it('is called at once by retry, though the next attempt was most of an hour away', async () => {
    const coordinator = new Coordinator({
      config: { grpcAddress: '127.0.0.1:0', httpAddress: 'off', dataDir: aFolder() },
      random: { ...systemRandom, unit: () => 0.9 },
    });
    afterTest(() => coordinator.stop());
    const { grpcPort: port } = await coordinator.start();
    const participant = await aParticipant();
    const tercet = anInitiator(port);
    const options = { name: 'buy', gid: 'order-1', phaseTwoWaitMs: 0 };
    await tercet.run(options, async (tx) => {
      await tx.use(patient, { target: participant.target }).reserve(order);
      participant.stop();
    });
    await attempted(tercet, 'order-1');
    const stuck = await tercetCommand(port, 'stuck');
    expect(stuck.stdout).toMatch(/\norder-1 +buy +1 .* (53|54)m +unreachable +UNAVAILABLE /);

    await participant.start();
    expect(await tercetCommand(port, 'retry', 'order-1')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^branch 1 of order-1 is due now\norder-1 is confirming, 1 branch pending\n$/,
      ),
    });
    const view = await tercet.wait('order-1', { for: 'settled', timeout: '30s' });
    expect(view).toMatchObject({ status: 'confirmed', branches: [{ status: 'confirmed' }] });
    expect(participant.story).toEqual(['try reserve', 'confirm reserve']);
  });
});
