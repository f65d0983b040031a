/** Rule E6 of participant/deliver/deliver-stream.ts, D2 and D3 of participant/service-calls.ts, over real gRPC. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { Scheduler } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import { systemScheduler } from '@tercet/runtime';
import { type AddTccOptions, TccRetry, type TccService } from '@tercet/sdk';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { type Peer, callReserve, startPeer } from '../support/grpc-peer';
import { type Gate, gate, observe } from '../support/scenario';
import { type Handlers, addDepot, addShop } from '../support/shop-participant';
import { DepotTccService } from '../support/shop-service';

/** Timers stand still; turns of the event loop are the machine's. */
const time = new ManualTime();
const scheduler: Scheduler = {
  after: (ms, work) => time.after(ms, work),
  soon: (work) => systemScheduler.soon(work),
};

let peer: Peer | undefined;
const services: TccService[] = [];
const clients: DeliverClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await peer?.stop();
  peer = undefined;
  services.length = 0;
});

/** The shop and the depot on one server, and a stream to it. */
async function stream(
  handlers: Handlers = {},
  options: AddTccOptions = {},
): Promise<DeliverClient> {
  peer = await startPeer((server) => {
    services.push(addShop(server, handlers, { scheduler, ...options }));
    services.push(addDepot(server, {}, { scheduler }));
  });
  const client = new DeliverClient(peer.address);
  clients.push(client);
  await client.hello();
  return client;
}

function drainAll(): Promise<unknown> {
  return Promise.all(services.map((service) => service.drain()));
}

/** Closes its side when it is told to drain, as callers do. */
async function obey(client: DeliverClient): Promise<void> {
  await client.until(() => client.drained);
  client.halfClose();
}

function shutDown(): Promise<unknown> {
  return new Promise((resolve) => peer?.server.tryShutdown(resolve));
}

/** A Try that stays. */
function heldTry(): { started: Gate<void>; work: Gate<void>; try: () => Promise<void> } {
  const started = gate<void>();
  const work = gate<void>();
  const handler = async (): Promise<void> => {
    started.open();
    await work.promise;
  };
  return { started, work, try: handler };
}

describe('drain with a stream open', () => {
  it('tells the caller, answers what runs, and ends the stream, so that tryShutdown completes', async () => {
    const held = heldTry();
    const client = await stream({ try: held.try });
    client.send(aCommand(1, 'try'));
    await held.started.promise;
    const drained = observe(drainAll());
    await obey(client);
    await callReserve(peer as Peer, 'confirm');
    expect([drained.ended, client.ended]).toEqual([false, undefined]);
    held.work.open();
    expect((await client.outcome(1)).grpcCode).toBe(status.OK);
    expect((await client.end()).code).toBe(status.OK);
    await drainAll();
    expect(await shutDown()).toBeUndefined();
    expect(time.pending).toBe(0);
  });

  it('still carries out what crossed it, while unary calls are refused at once', async () => {
    const client = await stream();
    const drained = drainAll();
    // Sent before the word to drain has arrived.
    client.send(aCommand(1, 'try'), aCommand(2, 'confirm', { branchId: '2' }));
    const unary = await callReserve(peer as Peer, 'confirm');
    expect([unary.code, unary.message]).toEqual([
      status.UNAVAILABLE,
      'this participant is stopping',
    ]);
    expect((await client.outcome(1)).grpcCode).toBe(status.OK);
    expect((await client.outcome(2)).grpcCode).toBe(status.OK);
    await obey(client);
    await drained;
    expect((await client.end()).code).toBe(status.OK);
  });

  it('carries out all of a message that came before its caller closed its side', async () => {
    const began = gate<void>();
    const client = await stream({ confirm: () => began.open() });
    const ids = Array.from({ length: 100 }, (_, i) => i + 1);
    client.send(...ids.map((id) => aCommand(id, 'confirm', { branchId: String(id) })));
    client.halfClose();
    await began.promise;
    await drainAll();
    const codes = await Promise.all(ids.map(async (id) => (await client.outcome(id)).grpcCode));
    expect(codes).toEqual(ids.map(() => status.OK));
    expect((await client.end()).code).toBe(status.OK);
  });

  it('ends an idle stream of a caller that does not close it, after a second of silence', async () => {
    const client = await stream();
    const drained = drainAll();
    await client.until(() => client.drained);
    await time.advance(999);
    expect((await client.call('confirm')).grpcCode).toBe(status.OK);
    expect(client.ended).toBeUndefined();
    await time.advance(1_000);
    expect((await client.end()).code).toBe(status.OK);
    await drained;
    expect(await shutDown()).toBeUndefined();
    expect(time.pending).toBe(0);
  });

  it('ends no stream on which something runs, however late that came', async () => {
    const held = heldTry();
    const client = await stream({ try: held.try });
    const drained = drainAll();
    await client.until(() => client.drained);
    await time.advance(999);
    client.send(aCommand(1, 'try'));
    await held.started.promise;
    await time.advance(60_000);
    expect(client.ended).toBeUndefined();
    held.work.open();
    expect((await client.outcome(1)).grpcCode).toBe(status.OK);
    await drained;
    await time.advance(1_000);
    expect((await client.end()).code).toBe(status.OK);
  });

  it('takes nothing more from such a caller once it had a second to obey', async () => {
    const held = heldTry();
    const client = await stream({ try: held.try });
    client.send(aCommand(1, 'try'));
    await held.started.promise;
    const drained = drainAll();
    await client.until(() => client.drained);
    await time.advance(1_000);
    expect(await client.call('confirm')).toMatchObject({
      grpcCode: status.UNAVAILABLE,
      message: 'this participant is stopping',
    });
    held.work.open();
    expect((await client.outcome(1)).grpcCode).toBe(status.OK);
    await drained;
    await time.advance(1_000);
    expect((await client.end()).code).toBe(status.OK);
  });

  it('does not wait longer than a second for a caller that does not read', async () => {
    const sku = 'x'.repeat(100_000);
    const client = await stream(
      { try: (request) => void (request.sku = sku) },
      { maxInFlightTry: 5_000 },
    );
    client.pause();
    for (let id = 1; id <= 400; id++) client.send(aCommand(id, 'try', { branchId: String(id) }));
    client.halfClose();
    const other = new DeliverClient(peer?.address ?? '');
    await other.call('confirm');
    other.close();
    const drained = observe(drainAll());
    for (let i = 0; i < 5 && !drained.ended; i++) await time.advance(1_000);
    await drainAll();
    expect(drained.ended).toBe(true);
    expect(time.pending).toBe(0);
  });
});

describe('draining one of several services', () => {
  it('drains the open streams, whose other services go on until the caller has closed', async () => {
    const held = heldTry();
    const client = await stream({ try: held.try });
    const { path } = DepotTccService.reserveTry;
    client.send(aCommand(1, 'try'));
    await held.started.promise;
    const drained = observe(services[0]?.drain() ?? Promise.reject(new Error('none')));
    await client.until(() => client.drained);
    expect((await client.call('try', { method: path, branchId: '2' })).grpcCode).toBe(status.OK);
    client.halfClose();
    held.work.open();
    expect((await client.end()).code).toBe(status.OK);
    await services[0]?.drain();
    expect(drained.ended).toBe(true);
    const next = new DeliverClient(peer?.address ?? '');
    clients.push(next);
    expect((await next.call('try', { method: path, branchId: '3' })).grpcCode).toBe(status.OK);
    expect((await next.call('try', { branchId: '4' })).grpcCode).toBe(status.UNIMPLEMENTED);
    expect(next.drained).toBe(false);
  });

  it('waits for no command of another one', async () => {
    const held = heldTry();
    const client = await stream({ try: held.try });
    client.send(aCommand(1, 'try'));
    await held.started.promise;
    const drained = services[1]?.drain();
    await obey(client);
    await drained;
    expect(client.ended).toBeUndefined();
    held.work.open();
    expect((await client.outcome(1)).grpcCode).toBe(status.OK);
    await client.end();
    await services[0]?.drain();
    expect(time.pending).toBe(0);
  });
});

describe('drain', () => {
  it('resolves when the outcomes have left: shutting down by force loses none of them', async () => {
    for (let i = 0; i < 20; i++) {
      const work = gate<void>();
      const client = await stream({
        try: () => work.promise,
        confirm: async () => {
          await work.promise;
          throw new TccRetry();
        },
      });
      client.send(aCommand(1, 'try'), aCommand(2, 'confirm', { branchId: '2' }));
      const drained = drainAll().then(() => peer?.stopServer());
      await obey(client);
      work.open();
      await drained;
      expect((await client.outcome(1)).grpcCode).toBe(status.OK);
      expect((await client.outcome(2)).verdict).toBe('retry');
      client.close();
      await peer?.stop();
      services.length = 0;
    }
  });

  it('lets outcomes of any size leave before it resolves', async () => {
    const work = gate<void>();
    const sku = 'x'.repeat(4_000_000);
    const client = await stream({
      try: async (request) => {
        request.sku = sku;
        await work.promise;
      },
    });
    const ids = [1, 2, 3, 4, 5];
    client.send(...ids.map((id) => aCommand(id, 'try', { branchId: String(id) })));
    const drained = drainAll().then(() => peer?.stopServer());
    await obey(client);
    work.open();
    await drained;
    for (const id of ids) expect((await client.outcome(id)).reply.length).toBeGreaterThan(4e6);
  });

  it('without any stream leaves nothing behind either', async () => {
    const client = await stream();
    client.halfClose();
    expect((await client.end()).code).toBe(status.OK);
    await drainAll();
    expect(await shutDown()).toBeUndefined();
    expect(time.pending).toBe(0);
  });
});
