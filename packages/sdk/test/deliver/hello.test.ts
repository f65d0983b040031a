/** Rules V1 to V5 of participant/deliver/deliver-server.ts: what a participant says of itself, over real gRPC. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { DeliverHello } from '@tercet/proto';
import type { AddTccOptions } from '@tercet/sdk';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { type Peer, startPeer } from '../support/grpc-peer';
import { MemoryBarrier } from '../support/memory-barrier';
import { addDepot, addShop, startShop } from '../support/shop-participant';
import { DepotTccService } from '../support/shop-service';

let peer: Peer | undefined;
const clients: DeliverClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await peer?.stop();
  peer = undefined;
});

function open(): DeliverClient {
  const client = new DeliverClient(peer?.address ?? '');
  clients.push(client);
  return client;
}

/** Hello of a server with the shop and the depot. */
async function helloOf(shop: AddTccOptions, depot: AddTccOptions): Promise<DeliverHello> {
  const started = await startPeer((server) => {
    addShop(server, {}, shop);
    addDepot(server, {}, depot);
  });
  const client = new DeliverClient(started.address);
  const hello = await client.hello();
  client.close();
  await started.stop();
  return hello;
}

const shopMethods = ['Reserve', 'Charge'].flatMap((action) =>
  ['Try', 'Confirm', 'Cancel'].map((phase) => `/shop.ShopTcc/${action}${phase}`),
);
const depotMethods = ['Try', 'Confirm', 'Cancel'].map((phase) => `/shop.DepotTcc/Reserve${phase}`);

describe('Hello', () => {
  it('names version, actions, methods and credits, and comes before anything was sent', async () => {
    peer = await startShop({});
    const hello = await open().hello();
    expect(hello).toEqual({
      protocolVersion: 1,
      barrier: false,
      actions: ['reserve', 'charge'],
      methods: shopMethods,
      maxInFlightTry: 1_024,
      maxInFlightPhaseTwo: 1_024,
    });
  });

  it('speaks for every service of the server; ordinary methods are none of its', async () => {
    const hello = await helloOf({}, {});
    expect(hello.methods).toEqual([...shopMethods, ...depotMethods]);
    expect(hello.actions).toEqual(['reserve', 'charge']);
  });

  it('says barrier only where every service of the server has one (V2)', async () => {
    const yes = { barrier: true };
    expect((await helloOf(yes, yes)).barrier).toBe(true);
    expect((await helloOf(yes, {})).barrier).toBe(false);
    expect((await helloOf({ barrier: false }, yes)).barrier).toBe(false);
  });

  it('tells the shortest retention of the barriers of its services, where one is known (V5)', async () => {
    const days = (count: number): AddTccOptions =>
      ({ barrier: new MemoryBarrier(count * 86_400_000) }) as AddTccOptions<unknown> as never;
    const retention = async (shop: AddTccOptions, depot: AddTccOptions): Promise<unknown> => {
      const hello = await helloOf(shop, depot);
      return [hello.barrier, hello.barrierRetentionMs];
    };
    expect(await retention(days(30), days(90))).toEqual([true, 2_592_000_000n]);
    expect(await retention({ barrier: true }, days(90))).toEqual([true, 7_776_000_000n]);
    expect(await retention({}, days(30))).toEqual([false, 2_592_000_000n]);
    expect(await retention({ barrier: true }, {})).toEqual([false, undefined]);
  });

  it('tells the smallest credits that were given, whatever the default is (V3)', async () => {
    const credits = async (shop: AddTccOptions, depot: AddTccOptions): Promise<unknown> => {
      const { maxInFlightTry, maxInFlightPhaseTwo } = await helloOf(shop, depot);
      return [maxInFlightTry, maxInFlightPhaseTwo];
    };
    expect(await credits({ maxInFlightTry: 7 }, {})).toEqual([7, 1_024]);
    expect(await credits({}, { maxInFlightPhaseTwo: 9 })).toEqual([1_024, 9]);
    expect(await credits({ maxInFlightTry: 5_000 }, {})).toEqual([5_000, 1_024]);
    expect(await credits({ maxInFlightTry: 50 }, { maxInFlightTry: 20 })).toEqual([20, 1_024]);
  });
});

describe('a service that is added while streams are open', () => {
  it('is taken on streams that open later, and on the earlier ones is not (V1)', async () => {
    peer = await startShop({}, { barrier: true });
    const early = open();
    expect((await early.hello()).barrier).toBe(true);
    addDepot(peer.server);
    const late = open();
    expect(await late.hello()).toMatchObject({
      barrier: false,
      methods: [...shopMethods, ...depotMethods],
    });
    const command = aCommand(1, 'try', { method: DepotTccService.reserveTry.path });
    late.send(command);
    early.send(command);
    expect((await late.outcome(1)).grpcCode).toBe(status.OK);
    expect(await early.outcome(1)).toMatchObject({
      grpcCode: status.UNIMPLEMENTED,
      message:
        '/shop.DepotTcc/ReserveTry is not taken on this stream: Hello did not name it; call it unary',
    });
  });

  it('again, after it was removed, serves with its new handlers', async () => {
    peer = await startPeer((server) => void addDepot(server));
    const { server } = peer;
    server.removeService(DepotTccService);
    const seen: string[] = [];
    addDepot(server, { try: () => void seen.push('new') });
    const client = open();
    client.send(aCommand(1, 'try', { method: DepotTccService.reserveTry.path }));
    expect((await client.outcome(1)).grpcCode).toBe(status.OK);
    expect(seen).toEqual(['new']);
  });
});

describe('services of one server that are drained', () => {
  it('leave Hello one by one; once all are, no stream is opened (V4)', async () => {
    const services: { drain(): Promise<void> }[] = [];
    peer = await startPeer((server) => {
      services.push(addShop(server, {}, { maxInFlightTry: 5 }), addDepot(server, {}));
    });
    await services[0]?.drain();
    const hello = await open().hello();
    expect(hello).toMatchObject({ methods: depotMethods, maxInFlightTry: 1_024 });
    clients.splice(0).forEach((client) => client.close());
    await services[1]?.drain();
    expect(await open().end()).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'this participant is stopping',
    });
  });
});
