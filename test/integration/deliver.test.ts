/** Whole transactions whose calls go over Deliver: real participants, coordinator and initiator, and replicas that leave. */
import { describe, expect, it } from '@jest/globals';
import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { type TccService, type Tercet, addTcc } from '@tercet/sdk';
import { aFolder, afterTest } from '../support/clean-up';
import { aCoordinator, anInitiator, shop } from '../support/shop';

/** A replica of the shop: what its server was called with, and what its handlers did. */
class Replica {
  /** One entry for each stream, one for each unary call. */
  readonly called: string[] = [];
  readonly done: string[] = [];
  readonly service: TccService;
  readonly server: Server;
  port = 0;

  constructor(barrier: boolean) {
    const watching: ServerInterceptor = ({ path }, call) => {
      this.called.push(path);
      return new ServerInterceptingCall(call);
    };
    this.server = new Server({ interceptors: [watching] });
    const note =
      (phase: string) =>
      (_request: unknown, { gid }: { readonly gid: string }): void =>
        void this.done.push(`${phase} ${gid}`);
    const ends = { confirm: note('confirm'), cancel: note('cancel') };
    this.service = addTcc(
      this.server,
      shop,
      {
        reserve: {
          ...ends,
          try: (request, ctx) => {
            note('try')(request, ctx);
            return { reservationId: ctx.gid };
          },
        },
        charge: { ...ends, try: () => ({ chargeId: 'c', balance: 0 }) },
        count: (_, callback) => callback(null, { count: 0 }),
      },
      { barrier, deliver: true },
    );
  }

  async start(): Promise<this> {
    const { server } = this;
    this.port = await new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    afterTest(() => server.forceShutdown());
    return this;
  }
}

/** A coordinator, an initiator and two replicas behind one target. */
async function aSite(barrier: boolean) {
  const { coordinator, port } = await aCoordinator(aFolder());
  const tercet = anInitiator(port);
  const a = await new Replica(barrier).start();
  const b = await new Replica(barrier).start();
  const target = `ipv4:127.0.0.1:${a.port},127.0.0.1:${b.port}`;
  return { coordinator, tercet, a, b, target };
}

function buy(tercet: Tercet, target: string, gid: string): Promise<{ readonly status: string }> {
  const run = { name: 'checkout', gid, phaseTwoWaitMs: 20_000 };
  return tercet.run(run, (tx) => tx.use(shop, { target }).reserve({ sku: 'tea', quantity: 1 }));
}

/** Runs 300 transactions, 10 at a time; `during` happens after the first 100. */
async function busy(
  { tercet, target }: { readonly tercet: Tercet; readonly target: string },
  during: () => void,
): Promise<readonly string[]> {
  const statuses: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < 300) {
      const n = next++;
      if (n === 100) during();
      const { status } = await buy(tercet, target, `order-${n}`).catch((error: unknown) => ({
        status: String((error as { cause?: unknown }).cause),
      }));
      statuses.push(status);
    }
  };
  await Promise.all(Array.from({ length: 10 }, worker));
  return statuses;
}

describe('a transaction', () => {
  it('goes over streams from end to end, one for each caller and replica', async () => {
    const { tercet, a, b, target } = await aSite(false);
    for (let n = 0; n < 10; n++) {
      expect((await buy(tercet, target, `order-${n}`)).status).toBe('confirmed');
    }
    const deliver = '/tercet.v1.Participant/Deliver';
    expect([...new Set([...a.called, ...b.called])]).toEqual([deliver]);
    expect(a.called.length + b.called.length).toBe(4);
    expect(a.done.length + b.done.length).toBe(20);
    expect(Math.min(a.done.length, b.done.length)).toBeGreaterThan(0);
  });
});

describe('a replica that leaves under load', () => {
  it('gracefully loses nothing: every transaction is confirmed, each call made once', async () => {
    const site = await aSite(false);
    let left: Promise<void> | undefined;
    const statuses = await busy(site, () => {
      left = site.a.service
        .drain()
        .then(() => new Promise((resolve) => site.a.server.tryShutdown(() => resolve())));
    });
    expect(new Set(statuses)).toEqual(new Set(['confirmed']));
    await left;
    const done = [...site.a.done, ...site.b.done];
    expect(new Set(done).size).toBe(600);
    expect(done).toHaveLength(600);
  });

  it('at once costs no transaction where it had a barrier: its Tries are sent to the other', async () => {
    const site = await aSite(true);
    const statuses = await busy(site, () => site.a.server.forceShutdown());
    expect(new Set(statuses)).toEqual(new Set(['confirmed']));
    expect(new Set([...site.a.done, ...site.b.done]).size).toBe(600);
  });

  it('at once costs those whose Try it had, where it had none: they are cancelled, and no others', async () => {
    const site = await aSite(false);
    const statuses = await busy(site, () => site.a.server.forceShutdown());
    const lost = statuses.filter((status) => status !== 'confirmed');
    expect(lost.length).toBeLessThanOrEqual(10);
    for (const status of lost) expect(status).toContain('the stream to 127.0.0.1:');
    const confirmed = [...site.a.done, ...site.b.done].filter((each) => each.startsWith('confirm'));
    expect(new Set(confirmed).size).toBe(300 - lost.length);
  });
});

describe('a coordinator and an initiator that stop', () => {
  it('leave their streams, so that participants can stop gracefully', async () => {
    const { coordinator, tercet, a, b, target } = await aSite(false);
    await buy(tercet, target, 'order-1');
    await tercet.close();
    await coordinator.stop();
    for (const { server } of [a, b]) {
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    }
  });
});
