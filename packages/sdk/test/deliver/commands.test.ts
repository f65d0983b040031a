/** Rules E2 and E3 of participant/deliver/deliver-stream.ts: commands and their outcomes over real gRPC. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Client, credentials, status } from '@grpc/grpc-js';
import { type DeliverCommand, ParticipantService } from '@tercet/proto';
import type { AddTccOptions } from '@tercet/sdk';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { callReserve } from '../support/grpc-peer';
import { type Gate, gate } from '../support/scenario';
import { type Handlers, type ShopParticipant, startShop } from '../support/shop-participant';
import { ShopTccService } from '../support/shop-service';

let shop: ShopParticipant | undefined;
const clients: DeliverClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await shop?.stop();
  shop = undefined;
});

async function stream(
  handlers: Handlers = {},
  options: AddTccOptions = {},
): Promise<DeliverClient> {
  shop = await startShop(handlers, options);
  return another();
}

function another(): DeliverClient {
  const client = new DeliverClient(shop?.address ?? '');
  clients.push(client);
  return client;
}

describe('commands of a stream', () => {
  it('run concurrently, and each outcome leaves when it is there, in any order', async () => {
    const gates = new Map<string, Gate<void>>(['1', '2', '3'].map((id) => [id, gate<void>()]));
    const started: string[] = [];
    const client = await stream({
      try: async (_request, ctx) => {
        started.push(ctx.branchId);
        await gates.get(ctx.branchId)?.promise;
      },
    });
    client.send(...[1, 2, 3].map((id) => aCommand(id, 'try', { branchId: String(id) })));
    await client.call('confirm');
    expect(started).toEqual(['1', '2', '3']);
    for (const id of [2, 3, 1]) {
      gates.get(String(id))?.open();
      expect((await client.outcome(id)).grpcCode).toBe(status.OK);
    }
    expect(client.outcomes.slice(1).map(({ id }) => id)).toEqual([2, 3, 1]);
  });

  it('that end in one turn are answered in one message', async () => {
    const client = await stream();
    await client.hello();
    const ids = Array.from({ length: 50 }, (_, i) => i + 1);
    client.send(...ids.map((id) => aCommand(id, 'confirm', { branchId: String(id) })));
    await client.outcome(50);
    const told = client.responses.slice(1).map(({ outcomes }) => outcomes.map(({ id }) => id));
    expect(told.flat()).toEqual(ids);
    // Fifty commands take four turns; what two of them bring may leave together.
    expect(told.length).toBeLessThanOrEqual(4);
  });

  it('come back with the reply of their own method', async () => {
    const client = await stream();
    const reserved = await client.call('try');
    expect(ShopTccService.reserveTry.responseDeserialize(reserved.reply)).toEqual({
      reservationId: 'r-tea',
    });
    const { path, requestSerialize, responseDeserialize } = ShopTccService.chargeTry;
    const payload = requestSerialize({ account: 'ann', cents: 5 });
    const charged = await client.call('try', { method: path, payload, action: 'charge' });
    expect(responseDeserialize(charged.reply)).toEqual({ chargeId: 'c', balance: 1 });
  });

  it('may use the id of one that was answered', async () => {
    const client = await stream();
    for (const attempt of [1, 2, 3]) {
      client.outcomes.length = 0;
      client.send(aCommand(0, 'confirm', { attempt }));
      expect((await client.outcome(0)).grpcCode).toBe(status.OK);
    }
  });
});

describe('a command that is wrong', () => {
  it('is told so in its outcome, and the stream goes on', async () => {
    const calls: string[] = [];
    const client = await stream({
      try: () => void calls.push('try'),
      confirm: () => void calls.push('confirm'),
    });
    const bad = Buffer.from('{not json');
    const wrong: readonly [Partial<DeliverCommand>, number, string][] = [
      [
        { method: '/shop.ShopTcc/Count' },
        status.UNIMPLEMENTED,
        '/shop.ShopTcc/Count is not taken on this stream: Hello did not name it; call it unary',
      ],
      [
        { method: '' },
        status.UNIMPLEMENTED,
        ' is not taken on this stream: Hello did not name it; call it unary',
      ],
      [{ payload: bad }, status.INTERNAL, 'Error deserializing request'],
      [{ deadlineMs: 0 }, status.INVALID_ARGUMENT, 'deadline_ms must be 1 to 86400000, got 0'],
      [
        { deadlineMs: 86_400_001 },
        status.INVALID_ARGUMENT,
        'deadline_ms must be 1 to 86400000, got 86400001',
      ],
      [
        { metadata: [{ key: 'Tenant', value: { $case: 'text', value: 'x' } }] },
        status.INVALID_ARGUMENT,
        'a key of metadata is lower-case letters, digits, "_", "." and "-", got "Tenant"',
      ],
      [
        { notAfterUnixMs: -1n },
        status.INVALID_ARGUMENT,
        'metadata tercet-not-after must be a whole number, got -1',
      ],
      [
        { phase: 77 as DeliverCommand['phase'] },
        status.INVALID_ARGUMENT,
        'metadata tercet-phase must be try for this method, got 77',
      ],
    ];
    for (const [over, grpcCode, message] of wrong) {
      expect(await client.call('try', over)).toMatchObject({ grpcCode, message, verdict: '' });
    }
    expect(calls).toEqual([]);
    expect((await client.call('confirm')).grpcCode).toBe(status.OK);
  });

  it('with the id of an unanswered one ends the stream, naming it', async () => {
    const held = gate<void>();
    const signals: AbortSignal[] = [];
    const client = await stream({
      try: async (_request, ctx) => {
        signals.push(ctx.signal);
        await held.promise;
      },
    });
    client.send(aCommand(7, 'try'));
    await client.call('confirm', { branchId: '2' });
    client.send(aCommand(8, 'confirm', { branchId: '3' }), aCommand(7, 'confirm'));
    expect(await client.end()).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'command 7 is not answered yet; its id was used for another one',
    });
    expect(client.outcomes.some(({ id }) => id === 7)).toBe(false);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    held.open();
    expect((await another().call('confirm')).grpcCode).toBe(status.OK);
  });

  it('that is garbage ends its stream only', async () => {
    const client = await stream();
    await client.hello();
    const raw = new Client(shop?.address ?? '', credentials.createInsecure());
    const { path } = ParticipantService.deliver;
    const bytes = (value: Buffer): Buffer => value;
    const garbage = raw.makeBidiStreamRequest(path, bytes, bytes);
    const ended = new Promise((resolve) => garbage.on('status', resolve));
    garbage.on('error', () => {});
    garbage.on('data', () => {});
    garbage.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(await ended).toMatchObject({ code: status.INTERNAL });
    raw.close();
    expect((await client.call('try')).grpcCode).toBe(status.OK);
  });

  it('of a message above 4 MiB ends its stream only; none of that message is started', async () => {
    const started: string[] = [];
    const client = await stream({ try: (_request, ctx) => void started.push(ctx.branchId) });
    const large = another();
    await large.hello();
    const payload = Buffer.alloc(1_048_576);
    large.send(...[1, 2, 3, 4].map((id) => aCommand(id, 'try', { branchId: `${id}`, payload })));
    expect(await large.end()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect((await client.call('try', { branchId: '5' })).grpcCode).toBe(status.OK);
    expect(started).toEqual(['5']);
  });

  it('is refused its reply where that is too large for a message', async () => {
    const sku = 'x'.repeat(4_200_000);
    const client = await stream({ try: (request) => void (request.sku = sku) });
    expect(await client.call('try')).toMatchObject({
      grpcCode: status.RESOURCE_EXHAUSTED,
      message: expect.stringContaining('the reply of 4200022 bytes is too large'),
    });
    expect((await client.call('confirm')).grpcCode).toBe(status.OK);
  });
});

describe('a handler', () => {
  it('whose error cannot even be looked at is answered all the same', async () => {
    const secret = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('no message');
      },
    });
    const client = await stream({
      confirm: () => {
        throw secret;
      },
    });
    expect(await client.call('confirm')).toMatchObject({
      grpcCode: status.INTERNAL,
      message: 'this call could not be answered',
    });
    expect((await client.call('try')).grpcCode).toBe(status.OK);
  });
});

describe('a unary call while streams are open', () => {
  it('is served as ever', async () => {
    const client = await stream();
    await client.hello();
    if (shop === undefined) throw new Error('not started');
    expect((await callReserve(shop, 'try')).code).toBe(status.OK);
  });
});
