/** The three services over real gRPC: what the coordinator and the shop get to see of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  type ChannelCredentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  credentials,
  status,
} from '@grpc/grpc-js';
import { ShippingTccClient } from '../src/gen/checkout/v1/shipping';
import { StockTccClient } from '../src/gen/checkout/v1/stock';
import { WalletTccClient } from '../src/gen/checkout/v1/wallet';
import { type Books, openBooks } from '../src/participants/serve';
import { addShipping } from '../src/participants/shipping';
import { addStock } from '../src/participants/stock';
import { addWallet } from '../src/participants/wallet';
import { loadOpening } from '../src/shop';

const opening = loadOpening();
const cups = opening.stock['cup-blue'] ?? 0;
let folder = '';
let books: Books[] = [];
let server: Server;
let clients: { stock: StockTccClient; wallet: WalletTccClient; shipping: ShippingTccClient };

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'checkout-participants-'));
  books = await Promise.all(
    ['stock', 'wallet', 'shipping'].map((name) => openBooks(path.join(folder, `${name}.db`))),
  );
  const [stock, wallet, shipping] = books as [Books, Books, Books];
  server = new Server();
  addStock(server, stock);
  addWallet(server, wallet);
  addShipping(server, shipping);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const to: [string, ChannelCredentials] = [`127.0.0.1:${port}`, credentials.createInsecure()];
  clients = {
    stock: new StockTccClient(...to),
    wallet: new WalletTccClient(...to),
    shipping: new ShippingTccClient(...to),
  };
});

afterEach(() => {
  for (const client of Object.values(clients)) client.close();
  server.forceShutdown();
  for (const each of books) each.close();
  rmSync(folder, { recursive: true });
});

type Phase = 'try' | 'confirm' | 'cancel';

/** What the coordinator and the SDK send with every call. */
function headers(phase: Phase, action: string): Metadata {
  const metadata = new Metadata();
  metadata.set('tercet-gid', 'order-1');
  metadata.set('tercet-run-id', '0123456789abcdef0123456789abcdef');
  metadata.set('tercet-branch-id', '1');
  metadata.set('tercet-action', action);
  metadata.set('tercet-phase', phase);
  metadata.set('tercet-attempt', '1');
  if (phase !== 'confirm') metadata.set('tercet-not-after', String(Date.now() + 60_000));
  return metadata;
}

type Callback<R> = (error: ServiceError | null, reply: R) => void;

function answer<R>(call: (callback: Callback<R>) => unknown): Promise<R> {
  return new Promise((resolve, reject) => {
    call((error, reply) => (error === null ? resolve(reply) : reject(error)));
  });
}

test('stock: set aside, sold; the books move with it', async () => {
  const { stock } = clients;
  const request = { sku: 'cup-blue', quantity: 3 };
  const article = () => answer((done) => stock.getStock({ sku: request.sku }, done));
  expect(
    await answer((done) => stock.reserveTry(request, headers('try', 'reserve'), done)),
  ).toEqual({
    reservationId: 'order-1/1',
    left: cups - 3,
  });
  expect(await article()).toEqual({ available: cups - 3, reserved: 3, sold: 0 });
  await answer((done) => stock.reserveConfirm(request, headers('confirm', 'reserve'), done));
  expect(await article()).toEqual({ available: cups - 3, reserved: 0, sold: 3 });
});

test('stock: what is not on the shelf is refused, with the verdict in the trailers', async () => {
  const { stock } = clients;
  const request = { sku: 'cup-blue', quantity: cups + 1 };
  const refused = answer((done) => stock.reserveTry(request, headers('try', 'reserve'), done));
  const error = await refused.then(
    () => undefined,
    (thrown: ServiceError) => thrown,
  );
  expect(error?.code).toBe(status.FAILED_PRECONDITION);
  expect(error?.details).toBe('too few on the shelf');
  expect(error?.metadata.get('tercet-verdict')).toEqual(['reject']);
});

test('wallet: held, given back', async () => {
  const { wallet } = clients;
  const cents = BigInt(opening.balances['c-02'] ?? 0);
  const request = { customer: 'c-02', cents };
  const account = () => answer((done) => wallet.getBalance({ customer: 'c-02' }, done));
  await answer((done) => wallet.holdTry(request, headers('try', 'hold'), done));
  expect(await account()).toEqual({ balanceCents: 0n, heldCents: cents, takenCents: 0n });
  await answer((done) => wallet.holdCancel(request, headers('cancel', 'hold'), done));
  expect(await account()).toEqual({ balanceCents: cents, heldCents: 0n, takenCents: 0n });
});

test('shipping: a Cancel that comes first keeps the Try out', async () => {
  const { shipping } = clients;
  const request = { city: 'Vienna', slot: 'morning' };
  await answer((done) => shipping.bookCancel(request, headers('cancel', 'book'), done));
  const late = answer((done) => shipping.bookTry(request, headers('try', 'book'), done));
  await expect(late).rejects.toMatchObject({ code: status.ABORTED });
  expect(await answer((done) => shipping.getTour(request, done))).toEqual({
    free: opening.tours.find(({ city, slot }) => city === 'Vienna' && slot === 'morning')?.places,
    kept: 0,
    booked: 0,
  });
});

test('a service that is opened again does not fill its shelves again', async () => {
  const { stock } = clients;
  const request = { sku: 'cup-blue', quantity: 1 };
  await answer((done) => stock.reserveTry(request, headers('try', 'reserve'), done));
  addStock(new Server(), books[0] as Books);
  const article = await answer((done) => stock.getStock({ sku: 'cup-blue' }, done));
  expect(article).toEqual({ available: cups - 1, reserved: 1, sold: 0 });
});
