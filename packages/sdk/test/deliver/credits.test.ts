/** Rules E4 and E5 of participant/deliver/deliver-stream.ts: how much a stream takes, over real gRPC. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { AddTccOptions } from '@tercet/sdk';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { gate } from '../support/scenario';
import { type Handlers, type ShopParticipant, startShop } from '../support/shop-participant';

let shop: ShopParticipant | undefined;
const clients: DeliverClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await shop?.stop();
  shop = undefined;
});

async function stream(handlers: Handlers, options: AddTccOptions): Promise<DeliverClient> {
  shop = await startShop(handlers, options);
  const client = another();
  await client.hello();
  return client;
}

function another(): DeliverClient {
  const client = new DeliverClient(shop?.address ?? '');
  clients.push(client);
  return client;
}

function numbered(count: number, phase: 'try' | 'confirm' | 'cancel', from = 1) {
  const ids = Array.from({ length: count }, (_, i) => from + i);
  return ids.map((id) => aCommand(id, phase, { branchId: String(id) }));
}

describe('Tries that wait for what only a Confirm frees', () => {
  it('do not keep that Confirm out, though they fill their credit', async () => {
    const freed = gate<void>();
    let waiting = 0;
    const client = await stream(
      {
        try: async () => {
          waiting += 1;
          await freed.promise;
        },
        confirm: () => freed.open(),
      },
      { maxInFlightTry: 8, maxInFlightPhaseTwo: 1 },
    );
    client.send(...numbered(8, 'try'), aCommand(9, 'try', { branchId: '9' }));
    expect(await client.outcome(9)).toMatchObject({
      grpcCode: status.RESOURCE_EXHAUSTED,
      message:
        'max_in_flight_try is 8: so many commands of this stream are unanswered; send this one after one of them is',
      verdict: '',
    });
    expect(waiting).toBe(8);
    expect((await client.call('confirm', { branchId: '1' })).grpcCode).toBe(status.OK);
    for (let id = 1; id <= 8; id++) expect((await client.outcome(id)).grpcCode).toBe(status.OK);
    expect((await client.call('try', { branchId: '10' })).grpcCode).toBe(status.OK);
  });
});

describe('a credit', () => {
  it('of phase two is shared by Confirm and Cancel, and is none of Try’s', async () => {
    const work = gate<void>();
    const held = (): Promise<void> => work.promise;
    const client = await stream(
      { confirm: held, cancel: held },
      { maxInFlightTry: 1, maxInFlightPhaseTwo: 2 },
    );
    client.send(
      aCommand(1, 'confirm'),
      aCommand(2, 'cancel', { branchId: '2' }),
      aCommand(3, 'cancel', { branchId: '3' }),
    );
    const refused = await client.outcome(3);
    expect([refused.grpcCode, refused.message.split(':')[0]]).toEqual([
      status.RESOURCE_EXHAUSTED,
      'max_in_flight_phase_two is 2',
    ]);
    expect((await client.call('try', { branchId: '4' })).grpcCode).toBe(status.OK);
    work.open();
    expect((await client.outcome(2)).grpcCode).toBe(status.OK);
  });

  it('belongs to one stream', async () => {
    const work = gate<void>();
    const first = await stream({ try: () => work.promise }, { maxInFlightTry: 1 });
    const second = another();
    first.send(...numbered(1, 'try'));
    second.send(...numbered(1, 'try', 2));
    await first.call('confirm', { branchId: '7' });
    work.open();
    expect((await first.outcome(1)).grpcCode).toBe(status.OK);
    expect((await second.outcome(2)).grpcCode).toBe(status.OK);
  });

  it('is free again when a command is given up, its successor in the same message included', async () => {
    const work = gate<void>();
    const started: string[] = [];
    const client = await stream(
      {
        try: async (_request, ctx) => {
          started.push(ctx.branchId);
          await work.promise;
        },
      },
      { maxInFlightTry: 1 },
    );
    client.send(...numbered(1, 'try'));
    client.write({ givenUpIds: [1], commands: numbered(1, 'try', 2) });
    await client.call('confirm', { branchId: '9' });
    expect(started).toEqual(['1', '2']);
    work.open();
    expect((await client.outcome(2)).grpcCode).toBe(status.OK);
  });

  it('is not used by commands that were refused', async () => {
    const client = await stream({}, { maxInFlightTry: 1 });
    for (const over of [{ gid: '' }, { method: '/x/y' }, { payload: Buffer.from('{') }]) {
      expect((await client.call('try', over)).grpcCode).not.toBe(status.OK);
    }
    expect((await client.call('try')).grpcCode).toBe(status.OK);
  });
});

describe('ten thousand commands', () => {
  it('can be outstanding on one stream', async () => {
    const work = gate<void>();
    const all = gate<void>();
    let started = 0;
    const client = await stream(
      {
        try: async () => {
          started += 1;
          if (started === 10_000) all.open();
          await work.promise;
        },
      },
      { maxInFlightTry: 10_000 },
    );
    const commands = numbered(10_000, 'try');
    for (let i = 0; i < 10_000; i += 500) client.send(...commands.slice(i, i + 500));
    await all.promise;
    work.open();
    await client.until(() => client.outcomes.length === 10_000);
    expect(new Set(client.outcomes.map(({ id }) => id)).size).toBe(10_000);
    expect(new Set(client.outcomes.map(({ grpcCode }) => grpcCode))).toEqual(new Set([0]));
  });
});

describe('a caller that does not read', () => {
  it('is not read from either, holds up nobody else, and loses nothing (E5)', async () => {
    const sku = 'x'.repeat(100_000);
    let started = 0;
    const client = await stream(
      {
        try: (request) => {
          started += 1;
          request.sku = sku;
        },
      },
      { maxInFlightTry: 10_000 },
    );
    client.pause();
    for (const command of numbered(150, 'try')) client.send(command);
    const other = another();
    for (let i = 0; i < 50; i++) await other.call('confirm', { branchId: String(i + 1) });
    expect(started).toBeLessThan(150);
    client.resume();
    await client.until(() => client.outcomes.length === 150);
    expect(started).toBe(150);
  });
});
