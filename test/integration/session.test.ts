/** The SDK's session with a real coordinator: used by default, and whatever happens to it no run notices. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type Coordinator } from '@tercet/coordinator';
import { UnaryChannel, systemScheduler } from '@tercet/runtime';
import { type Tercet, createTercet } from '@tercet/sdk';
import { aFolder, afterTest } from '../support/clean-up';
import { aPath } from '../support/cut-path';
import {
  type Participant,
  type Shop,
  aCoordinator,
  aParticipant,
  aShop,
  anInitiator,
  shop,
} from '../support/shop';

afterEach(() => {
  jest.restoreAllMocks();
});

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => systemScheduler.after(ms, () => resolve()));

/** Ends of runs, by gid. */
type Ends = Map<string, string>;

/** Runs one transaction after the other until told to stop; every third one changes its mind. */
async function load(
  tercet: Tercet,
  participant: Participant,
  { name, until, ends }: { name: string; until: () => boolean; ends: Ends },
): Promise<void> {
  for (let i = 0; !until(); i++) {
    const gid = `${name}-${i}`;
    const run = tercet.run({ name: 'buy', gid, timeout: '30s', phaseTwoWaitMs: 0 }, async (tx) => {
      const { reserve } = tx.use(shop, { target: participant.target });
      await reserve({ sku: gid, quantity: 1 });
      if (i % 3 === 2) throw new Error('changed my mind');
    });
    ends.set(
      gid,
      await run.then(
        () => 'confirmed',
        (error: Error) => String(error.cause),
      ),
    );
  }
}

/** Keeps count of what the participant did for each gid. */
function counting(participant: Participant): Map<string, string[]> {
  const done = new Map<string, string[]>();
  for (const phase of ['try', 'confirm', 'cancel']) {
    participant.hooks.set(`${phase} reserve`, (_request, { gid }) => {
      const seen = done.get(gid) ?? [];
      done.set(gid, seen);
      if (!seen.includes(phase)) seen.push(phase);
    });
  }
  return done;
}

/** Every run ended as its callback did, and the participant was called accordingly. */
async function check(tercet: Tercet, ends: Ends, done: Map<string, string[]>): Promise<void> {
  for (const [gid, end] of ends) {
    const confirmed = Number(gid.split('-').at(-1)) % 3 !== 2;
    expect([gid, end]).toEqual([gid, confirmed ? 'confirmed' : 'Error: changed my mind']);
    const view = await tercet.wait(gid, { for: 'settled', timeout: '30s' });
    expect([gid, view.status]).toEqual([gid, confirmed ? 'confirmed' : 'cancelled']);
    expect([gid, done.get(gid)]).toEqual([gid, ['try', confirmed ? 'confirm' : 'cancel']]);
  }
}

describe('the session with the coordinator', () => {
  it('carries every command by default, and none with session: unary', async () => {
    const call = jest.spyOn(UnaryChannel.prototype, 'call');
    const duplex = jest.spyOn(UnaryChannel.prototype, 'duplex');
    const used = (): { readonly unary: number; readonly sessions: number } => ({
      unary: call.mock.calls.filter(([{ method }]) => method.includes('v1.Coordinator')).length,
      sessions: duplex.mock.calls.filter(([{ method }]) => method.endsWith('Session')).length,
    });
    const { participant, tercet, port }: Shop = await aShop();
    const buy = (on: Tercet, gid: string): Promise<unknown> =>
      on.run({ name: 'buy', gid }, (tx) =>
        tx.use(shop, { target: participant.target }).reserve({ sku: 'tea', quantity: 1 }),
      );
    await Promise.all(Array.from({ length: 20 }, (_, i) => buy(tercet, `order-${i}`)));
    await tercet.wait('order-1', { for: 'settled' });
    await expect(tercet.get('nobody')).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
    expect(used()).toEqual({ unary: 0, sessions: 1 });
    const unary = createTercet({ coordinator: `127.0.0.1:${port}`, session: 'unary' });
    afterTest(() => unary.close());
    await buy(unary, 'unary');
    expect(used()).toEqual({ unary: 2, sessions: 1 });
  });

  it('goes on by itself when the coordinator is restarted under load', async () => {
    const dataDir = aFolder();
    const participant = await aParticipant();
    const done = counting(participant);
    let { coordinator, port }: { coordinator: Coordinator; port: number } =
      await aCoordinator(dataDir);
    const tercet = anInitiator(port);
    let over = false;
    const ends: Ends = new Map();
    const runs = Array.from({ length: 16 }, (_, n) =>
      load(tercet, participant, { name: `r${n}`, until: () => over, ends }),
    );
    for (let restart = 0; restart < 3; restart++) {
      const before = ends.size;
      while (ends.size < before + 60) await pause(10);
      await coordinator.stop();
      ({ coordinator, port } = await aCoordinator(dataDir, port));
    }
    over = true;
    await Promise.all(runs);
    expect(ends.size).toBeGreaterThan(180);
    await check(tercet, ends, done);
  }, 120_000);

  it('goes on by itself when its connection is cut under load, again and again', async () => {
    const participant = await aParticipant();
    const done = counting(participant);
    const { port } = await aCoordinator(aFolder());
    const path = await aPath(`127.0.0.1:${port}`);
    const tercet = createTercet({ coordinator: path.address });
    afterTest(() => tercet.close());
    let over = false;
    const ends: Ends = new Map();
    const runs = Array.from({ length: 16 }, (_, n) =>
      load(tercet, participant, { name: `c${n}`, until: () => over, ends }),
    );
    for (let cut = 0; cut < 8; cut++) {
      const before = ends.size;
      while (ends.size < before + 20) await pause(1);
      path.cut();
    }
    over = true;
    await Promise.all(runs);
    await check(tercet, ends, done);
  }, 120_000);
});
