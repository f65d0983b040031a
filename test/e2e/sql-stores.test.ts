/**
 * A coordinator's process on a database server of its own: the coordinator is killed in the middle, then the server is. What
 * was acknowledged holds, and everything settles by itself.
 */
import { describe, expect, it, jest } from '@jest/globals';
import { systemScheduler } from '@tercet/runtime';
import { type Tercet, TercetError, createTercet } from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { aFolder, afterTest } from '../support/clean-up';
import { RestartingServer } from '../support/restarting-server';
import { ServerProcess } from '../support/server-process';
import { missingBinaries } from '../support/servers/binaries';
import { describeWith, freshDatabase } from '../support/servers/describe-with';
import { type Participant, aParticipant, shop } from '../support/shop';

jest.setTimeout(180_000);

const ORDERS = 120;
const AT_A_TIME = 8;
/** After so many ended orders the trouble comes. */
const TROUBLE_AFTER = 40;

/** Where an order stands, as seen from outside. */
interface Shop {
  readonly tercet: Tercet;
  readonly participant: Participant;
  /** Orders whose commit was acknowledged. */
  readonly acknowledged: Set<string>;
  /** `gid branch` of every Try, Confirm and Cancel that took effect. */
  readonly effects: Record<'try' | 'confirm' | 'cancel', Set<string>>;
}

async function aShop(address: string): Promise<Shop> {
  const participant = await aParticipant();
  const effects = {
    try: new Set<string>(),
    confirm: new Set<string>(),
    cancel: new Set<string>(),
  };
  for (const phase of ['try', 'confirm', 'cancel'] as const) {
    for (const action of ['reserve', 'charge']) {
      participant.hooks.set(`${phase} ${action}`, (_, ctx) => {
        effects[phase].add(`${ctx.gid} ${ctx.branchId}`);
      });
    }
  }
  const tercet = createTercet({ coordinator: address });
  afterTest(() => tercet.close());
  return { tercet, participant, acknowledged: new Set(), effects };
}

/** Places every order once; `trouble` begins when some have ended. What fails meanwhile may fail. */
async function placeOrders(orders: Shop, trouble: () => Promise<void>): Promise<readonly string[]> {
  const { tercet, participant, acknowledged } = orders;
  const gids = Array.from({ length: ORDERS }, (_, i) => `order-${i}`);
  const left = [...gids];
  let ended = 0;
  let troubled: Promise<void> | undefined;
  const worker = async (): Promise<void> => {
    for (let gid = left.shift(); gid !== undefined; gid = left.shift()) {
      try {
        await tercet.run({ name: 'order', gid, timeout: '20s', phaseTwoWaitMs: 50 }, (tx) => {
          const calls = tx.use(shop, { target: participant.target });
          return tx.all([
            calls.reserve({ sku: 'apple', quantity: 1 }),
            calls.charge({ account: 'ann', cents: 30 }),
          ]);
        });
        acknowledged.add(gid);
      } catch (error) {
        if (!(error instanceof TercetError)) throw error;
      }
      ended++;
      if (ended === TROUBLE_AFTER) troubled = trouble();
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  await troubled;
  return gids;
}

/** Everything has settled, all branches of an order the same way, and nothing acknowledged is lost. */
async function expectSettled(orders: Shop, gids: readonly string[]): Promise<void> {
  const { tercet, acknowledged, effects } = orders;
  // A run in which nothing got through would show nothing.
  expect(acknowledged.size).toBeGreaterThanOrEqual(TROUBLE_AFTER / 2);
  for (const gid of gids) {
    const end = await endOf(tercet, gid);
    const branches = [`${gid} 1`, `${gid} 2`];
    const seen = (phase: keyof Shop['effects']) =>
      branches.filter((one) => effects[phase].has(one));
    if (acknowledged.has(gid)) expect([gid, end]).toEqual([gid, 'confirmed']);
    const confirmed = end === 'confirmed' ? branches : [];
    expect([gid, seen('confirm')]).toEqual([gid, confirmed]);
    if (end === 'confirmed') expect([gid, seen('cancel')]).toEqual([gid, []]);
    // What was tried was cancelled, where it was not confirmed; what was never opened was never tried.
    if (end === 'cancelled') expect([gid, seen('cancel')]).toEqual([gid, branches]);
    if (end === 'unknown') expect([gid, seen('try')]).toEqual([gid, []]);
  }
}

async function endOf(tercet: Tercet, gid: string): Promise<string> {
  try {
    return (await tercet.wait(gid, { for: 'settled', timeout: '60s' })).status;
  } catch (error) {
    if (error instanceof TercetError && error.code === 'TRANSACTION_NOT_FOUND') return 'unknown';
    throw error;
  }
}

describe.each(['mariadb', 'postgres'] as const)('a coordinator on a server', (kind) => {
  describeWith(kind, (server) => {
    it('is killed with SIGKILL and started again: everything settles', async () => {
      const { url } = await freshDatabase(server);
      const flags = ['--store', url, '--unsafe-store', '--node-ttl', '1s'];
      const first = await ServerProcess.start(aFolder(), ...flags);
      const { address } = first;
      expect(first.lines.join('\n')).toContain(`  store  ${url}`);
      const orders = await aShop(address);
      let next: ServerProcess | undefined;
      const gids = await placeOrders(orders, async () => {
        await first.kill();
        next = await ServerProcess.start(aFolder(), ...flags, '--grpc-address', address);
      });
      await expectSettled(orders, gids);
      // Told to end, it gives the store back at once: nobody has to wait for a ttl.
      next?.signal('SIGTERM');
      await next?.ended;
      const last = await ServerProcess.start(aFolder(), ...flags, '--node-ttl', '60s');
      expect(last.lines.join('\n')).not.toContain('resumed');
    });

    it('is refused where another one lives on the same database, and takes over from a dead one', async () => {
      const { url } = await freshDatabase(server);
      const flags = ['--store', url, '--unsafe-store', '--node-ttl', '2s'];
      const first = await ServerProcess.start(aFolder(), ...flags);
      await expect(ServerProcess.start(aFolder(), ...flags)).rejects.toThrow(/in use by/);
      await first.kill();
      await ServerProcess.start(aFolder(), ...flags);
    });

    it('says that it was taken over, where it was stopped for longer than a ttl', async () => {
      const { url } = await freshDatabase(server);
      const flags = ['--store', url, '--unsafe-store', '--node-ttl', '1s'];
      const first = await ServerProcess.start(aFolder(), ...flags);
      const client = createOperatorClient({ address: first.address });
      afterTest(() => client.close());
      expect(await client.health()).toEqual({ status: 'serving' });
      first.signal('SIGSTOP');
      const second = await ServerProcess.start(aFolder(), ...flags);
      first.signal('SIGCONT');
      // It finds out at its next beat, although nobody asks it for anything.
      while (!first.log.includes('taken over by')) {
        await new Promise<void>((resolve) => systemScheduler.after(50, resolve));
      }
      expect(await client.health()).toEqual({ status: 'not-serving' });
      const { tercet, participant } = await aShop(second.address);
      const order = await tercet.run({ name: 'order', phaseTwoWaitMs: 20_000 }, (tx) =>
        tx.use(shop, { target: participant.target }).reserve({ sku: 'apple', quantity: 1 }),
      );
      expect(order.status).toBe('confirmed');
    });
  });
});

describe.each(['mariadb', 'postgres'] as const)('the server %s', (kind) => {
  const missing = missingBinaries(kind);
  const required = process.env['TERCET_REQUIRE_SERVERS'] === '1';
  const test = missing.length > 0 && !required ? it.skip : it;

  test('is killed and started again under a coordinator: nothing acknowledged is lost', async () => {
    const server = await RestartingServer.start(kind);
    const coordinator = await ServerProcess.start(aFolder(), '--store', server.url);
    const orders = await aShop(coordinator.address);
    const gids = await placeOrders(orders, async () => {
      await server.kill();
      await server.restart();
    });
    await expectSettled(orders, gids);
    expect(coordinator.log).toContain('the store takes no writes');
    expect(coordinator.log).toContain('the store takes writes again');
  });
});
