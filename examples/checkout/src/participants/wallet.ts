/** The customers' money: as stock.ts, with balances in cents. */
import type { Server } from '@grpc/grpc-js';
import { type TccService, addTcc } from '@tercet/sdk';
import type { Database } from '../database';
import { wallet } from '../definitions';
import { Faults } from '../faults';
import { HoldTryResponse } from '../gen/checkout/v1/wallet';
import { Reservations } from '../reservation';
import { loadOpening } from '../shop';
import { ordinary, serveParticipant, tellLateTry } from './serve';

/** Adds the wallet's service, its books kept in `db`. */
export function addWallet(server: Server, db: Database): TccService {
  openBooks(db);
  const reservations = new Reservations(db, tellLateTry);
  const faults = new Faults();

  const hold = db.prepare(
    `UPDATE account SET balance = balance - :cents, held = held + :cents
     WHERE customer = :customer AND balance >= :cents RETURNING balance`,
  );
  const take = db.prepare(
    'UPDATE account SET held = held - :cents, taken = taken + :cents WHERE customer = :customer',
  );
  const release = db.prepare(
    'UPDATE account SET held = held - :cents, balance = balance + :cents WHERE customer = :customer',
  );

  return addTcc(
    server,
    wallet,
    {
      hold: {
        async try({ customer, cents }, ctx) {
          await faults.beforeTry(ctx);
          const reply = reservations.try(ctx, {
            reply: HoldTryResponse,
            apply: () => {
              const row = hold.get({ customer, cents }) as { balance: number } | undefined;
              if (row === undefined) return ctx.reject('balance too low', { customer });
              return { holdId: `${ctx.gid}/${ctx.branchId}`, balanceCents: BigInt(row.balance) };
            },
          });
          faults.afterTry(ctx);
          return reply;
        },
        confirm({ customer, cents }, ctx) {
          faults.beforeConfirm(ctx);
          reservations.confirm(ctx, () => take.run({ customer, cents }));
        },
        cancel({ customer, cents }, ctx) {
          reservations.cancel(ctx, () => release.run({ customer, cents }));
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
    },
    { barrier: true },
  );
}

function openBooks(db: Database): void {
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
