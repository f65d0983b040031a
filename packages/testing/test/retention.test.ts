/** What callers see of a transaction after its retention, and after its idempotency window: from run to run, over the wire. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Tercet, type TercetWarning, createTercet } from '@tercet/sdk';
import { type TestCoordinator, createTestCoordinator } from '../src';
import { Shelf } from './support/shelf';
import { stock } from './support/stock-service';

const day = 86_400_000;
const book = { sku: 'book', quantity: 1 };

describe('a gid', () => {
  let env: TestCoordinator;
  let tercet: Tercet;
  let target = '';
  let shelf: Shelf;
  const warnings: TercetWarning[] = [];

  beforeEach(async () => {
    env = await createTestCoordinator({
      settings: { retentionMs: 2 * day, idempotencyWindowMs: 4 * day },
    });
    shelf = new Shelf();
    ({ target } = await env.serve(stock, shelf.handlers));
    warnings.length = 0;
    // A client of its own, on the machine's clock: it tells its warnings.
    tercet = createTercet({ coordinator: env.address, onWarning: (told) => warnings.push(told) });
  });
  afterEach(async () => {
    await tercet.close();
    await env.close({ allow: { unfinished: true } });
  });

  const buy = (client: Tercet, name = 'buy') =>
    client.run({ name, gid: 'order-1', labels: { order: '1' } }, async (tx) => {
      return (await tx.use(stock, { target }).reserve(book)).reservationId;
    });
  const settled = () => env.expectSettled('order-1', { status: 'confirmed' });

  it('is the same work as long as it is kept whole: later runs get its value', async () => {
    expect(await buy(env.tercet)).toMatchObject({ attached: false, value: 'book-1' });
    await settled();
    await env.advance('47h');
    expect(await buy(tercet)).toMatchObject({ attached: true, value: 'book-1' });
    expect((await tercet.get('order-1')).tombstone).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('is still taken when only a tombstone is left: later runs are told that its value is no longer kept', async () => {
    await buy(env.tercet);
    await settled();
    await env.advance('49h');
    const view = await tercet.get('order-1');
    expect(view).toMatchObject({
      name: 'buy',
      status: 'confirmed',
      reached: 'settled',
      cause: 'commit',
      labels: {},
      branches: [],
      tombstone: { branches: 1, resultDigest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(await buy(tercet)).toMatchObject({
      attached: true,
      status: 'confirmed',
      value: undefined,
      branches: [],
    });
    expect(warnings).toMatchObject([{ code: 'RESULT_NOT_KEPT', gid: 'order-1' }]);
    expect(warnings[0]?.message).toContain('no longer kept');
    expect(shelf.story).toEqual(['try 1', 'confirm 1']);
    await expect(buy(tercet, 'refund')).rejects.toMatchObject({ code: 'GID_CONFLICT' });
  });

  it('is free after the window: not found says no more than that it is not kept', async () => {
    await buy(env.tercet);
    await settled();
    await env.advance('97h');
    await expect(tercet.get('order-1')).rejects.toMatchObject({
      code: 'TRANSACTION_NOT_FOUND',
      hint: expect.stringContaining('does not say that it never happened'),
    });
    expect(await buy(env.tercet)).toMatchObject({ attached: false });
    expect(shelf.story).toHaveLength(4);
  });
});
