/** The three services against the laws of participants: duplicates, wrong orders, races, and deaths at every point. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { checkParticipant } from '@tercet/testing';
import { shipping, stock, wallet } from '../src/definitions';
import { type Books, openBooks } from '../src/participants/serve';
import { addShipping, shippingHandlers } from '../src/participants/shipping';
import { addStock, stockHandlers } from '../src/participants/stock';
import { addWallet, walletHandlers } from '../src/participants/wallet';
import { Server } from '@grpc/grpc-js';

/** All laws of one service. */
const LAWS_MS = 60_000;

let folder = '';
let books: Books;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'checkout-laws-'));
  books = await openBooks(path.join(folder, 'books.db'));
  // Their tables, filled as on the first day.
  for (const add of [addStock, addWallet, addShipping]) add(new Server(), books);
});

afterAll(() => {
  books.close();
  rmSync(folder, { recursive: true });
});

/** What is in a table; and how to bring it back to what was there. */
function ofTable(table: string, back: string): { snapshot: () => unknown; reset: () => unknown } {
  const { db } = books;
  return {
    snapshot: (): unknown => db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all(),
    reset: () => db.exec(`UPDATE ${table} SET ${back}`),
  };
}

test(
  'the warehouse keeps every law',
  async () => {
    await checkParticipant(stock, stockHandlers(books.db), {
      barrier: books.barrier,
      requests: { reserve: (n) => ({ sku: 'cup-blue', quantity: n }) },
      refused: { reserve: () => ({ sku: 'cup-blue', quantity: 1_000 }) },
      ...ofTable('article', 'available = available + reserved + sold, reserved = 0, sold = 0'),
    });
  },
  LAWS_MS,
);

test(
  'the wallet keeps every law',
  async () => {
    await checkParticipant(wallet, walletHandlers(books.db), {
      barrier: books.barrier,
      requests: { hold: (n) => ({ customer: 'c-02', cents: BigInt(n) }) },
      refused: { hold: () => ({ customer: 'c-02', cents: 1_000_000_000n }) },
      ...ofTable('account', 'balance = balance + held + taken, held = 0, taken = 0'),
    });
  },
  LAWS_MS,
);

test(
  'the carrier keeps every law',
  async () => {
    await checkParticipant(shipping, shippingHandlers(books.db), {
      barrier: books.barrier,
      requests: { book: () => ({ city: 'Vienna', slot: 'morning' }) },
      refused: { book: () => ({ city: 'Nowhere', slot: 'morning' }) },
      ...ofTable('tour', 'free = free + kept + booked, kept = 0, booked = 0'),
    });
  },
  LAWS_MS,
);
