/** A participant that keeps its reservations in Redis, over real gRPC: the example of docs/guide/redis.md. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { UnaryReply } from '@tercet/runtime';
import { addTcc } from '@tercet/sdk';
import { redisBarrier } from '@tercet/sdk/redis';
import { callReserve, type Peer, startPeer } from '../support/grpc-peer';
import { DepotTccService, type ReserveRequest } from '../support/shop-service';
import { depot } from '../support/shop-participant';
import { describeOnRedis } from './support/redis-branch';
import { addStock } from './support/stock-in-redis';

/** As `callReserve` sends it. */
const runId = 'a'.repeat(32);
const page = path.join(__dirname, '../../../../docs/guide/redis.md');
const example = path.join(__dirname, 'support/stock-in-redis.ts');

test('docs/guide/redis.md shows the participant that these tests run', () => {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```ts\n([^]*?)^```/gm);
  const shown = [...blocks].map(([, code = '']) => code);
  expect(shown.length).toBeGreaterThan(0);
  const code = readFileSync(example, 'utf8');
  for (const block of shown) expect(code).toContain(block);
});

describeOnRedis('a participant with its stock in Redis', (site) => {
  let peer: Peer;
  let sku: string;
  const call = async (phase: 'try' | 'confirm' | 'cancel', quantity = 2) => {
    const request: ReserveRequest = { sku, quantity };
    const payload = DepotTccService.reserveTry.requestSerialize(request);
    return callDepot(peer, phase, { payload });
  };
  const state = async (): Promise<unknown[]> => [
    await site.client.get(`left:{${sku}}`),
    await site.client.hgetall(`held:{${sku}}`),
  ];

  beforeEach(async () => {
    sku = site.tag();
    await site.client.set(`left:{${sku}}`, 5);
    peer = await startPeer((server) => addStock(server, site.client));
  });
  afterEach(() => peer.stop());

  test('reserves once, and answers a duplicate with the same bytes', async () => {
    const first = await call('try');
    expect(first).toMatchObject({ code: status.OK });
    const again = await call('try');
    expect(again).toMatchObject({ code: status.OK });
    expect(payloadOf(again)).toEqual(payloadOf(first));
    expect(String(payloadOf(first))).toBe(`{"reservationId":"${runId}/1"}`);
    expect(await state()).toEqual(['3', { [`${runId}/1`]: '2' }]);
  });

  test('refuses by its check, and the Cancel that follows finds nothing to undo', async () => {
    expect(await call('try', 6)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: 'only 5 left',
    });
    expect(await call('cancel', 6)).toMatchObject({ code: status.OK });
    expect(await call('try', 1)).toMatchObject({ code: status.ABORTED });
    expect(await state()).toEqual(['5', {}]);
  });

  test('sells once what it has reserved, and conflicts with a Cancel from then on', async () => {
    await call('try');
    expect(await call('confirm')).toMatchObject({ code: status.OK });
    expect(await call('confirm')).toMatchObject({ code: status.OK });
    expect(await call('cancel')).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(await state()).toEqual(['3', {}]);
  });

  test('puts back once what it has reserved', async () => {
    await call('try');
    expect(await call('cancel')).toMatchObject({ code: status.OK });
    expect(await call('cancel')).toMatchObject({ code: status.OK });
    expect(await call('try')).toMatchObject({ code: status.ABORTED });
    expect(await state()).toEqual(['5', {}]);
  });
});

describeOnRedis('ctx of a handler at the Redis barrier', (site) => {
  test('has what Try left once apply was answered: tried, saved, tryObserved', async () => {
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    const tag = site.tag();
    const peer = await startPeer((server) => {
      addTcc(
        server,
        depot,
        {
          reserve: {
            try: (_request, ctx) => {
              ctx.save({ shelf: 7 });
              return ctx.db.apply({ tag, reply: { reservationId: 'r1' } });
            },
            confirm: async (_request, ctx) => {
              seen.push(
                await Promise.resolve()
                  .then(() => ctx.tried)
                  .catch(String),
              );
              await ctx.db.apply({ tag });
              seen.push(ctx.tried, ctx.saved, ctx.tryObserved);
            },
            cancel: () => {},
          },
        },
        { barrier: redisBarrier(site.client), onError: (error) => errors.push(error) },
      );
    });
    try {
      expect(await callDepot(peer, 'try')).toMatchObject({ code: status.OK });
      expect(await callDepot(peer, 'confirm')).toMatchObject({ code: status.OK });
      expect(seen).toEqual([
        expect.stringMatching(
          /^ConfigError: the Confirm handler of reserve \(shop.DepotTcc\) asked/,
        ),
        { reservationId: 'r1' },
        { shelf: 7 },
        true,
      ]);
      const other = { headers: { 'tercet-branch-id': '2' } };
      expect(await callDepot(peer, 'cancel', other)).toMatchObject({ code: status.UNKNOWN });
      expect(String(errors)).toMatch(/the Cancel handler of reserve .* ended without ctx.db.apply/);
    } finally {
      await peer.stop();
    }
  });
});

const methods = { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } as const;

function callDepot(
  peer: Peer,
  phase: keyof typeof methods,
  over: Parameters<typeof callReserve>[2] = {},
): Promise<UnaryReply> {
  return callReserve(peer, phase, { method: DepotTccService[methods[phase]].path, ...over });
}

function payloadOf({ payload }: UnaryReply): Buffer | undefined {
  return payload === undefined ? undefined : Buffer.from(payload);
}
