/** The customers' money: as stock.ts, with balances in cents. */
import type { Server } from '@grpc/grpc-js';
import { type TccHandlers, type TccService, addTcc } from '@tercet/sdk';
import type { Database } from '../database';
import { wallet } from '../definitions';
import { faults } from '../faults';
import { loadOpening } from '../shop';
import { type Books, ordinary, serveParticipant } from './serve';

/** The handlers: what Try, Confirm and Cancel do to the books. */
export function walletHandlers(db: Database): TccHandlers<typeof wallet, Database> {
  return {
    hold: {
      try({ customer, cents }, ctx) {
        const row = ctx.db
          .prepare(
            `UPDATE account SET balance = balance - :cents, held = held + :cents
             WHERE customer = :customer AND balance >= :cents RETURNING balance`,
          )
          .get({ customer, cents }) as { balance: number } | undefined;
        if (row === undefined) return ctx.reject('balance too low', { customer });
        return { holdId: `${ctx.gid}/${ctx.branchId}`, balanceCents: BigInt(row.balance) };
      },
      confirm({ customer, cents }, ctx) {
        ctx.db
          .prepare(
            'UPDATE account SET held = held - :cents, taken = taken + :cents WHERE customer = :customer',
          )
          .run({ customer, cents });
      },
      cancel({ customer, cents }, ctx) {
        ctx.db
          .prepare(
            'UPDATE account SET held = held - :cents, balance = balance + :cents WHERE customer = :customer',
          )
          .run({ customer, cents });
      },
    },
    getBalance: ordinary(({ customer }) => {
      const row = db
        .prepare('SELECT balance, held, taken FROM account WHERE customer = ?')
        .get(customer) as { balance: number; held: number; taken: number } | undefined;
      return {
        balanceCents: BigInt(row?.balance ?? 0),
        heldCents: BigInt(row?.held ?? 0),
        takenCents: BigInt(row?.taken ?? 0),
      };
    }),
  };
}

/** Adds the wallet's service. */
export function addWallet(server: Server, { db, barrier }: Books): TccService {
  createTables(db);
  return addTcc(server, wallet, walletHandlers(db), { barrier, interceptors: [faults()] });
}

function createTables(db: Database): void {
  db.exec(`CREATE TABLE IF NOT EXISTS account (
    customer TEXT PRIMARY KEY,
    balance  INTEGER NOT NULL CHECK (balance >= 0),
    held     INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    taken    INTEGER NOT NULL DEFAULT 0
  )`);
  const open = db.prepare(
    'INSERT INTO account (customer, balance) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  for (const [customer, cents] of Object.entries(loadOpening().balances)) open.run(customer, cents);
}

if (require.main === module) void serveParticipant(addWallet);
