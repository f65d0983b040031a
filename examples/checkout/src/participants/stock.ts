/** The warehouse. Read this one; wallet.ts and shipping.ts are the same with other tables. */
import type { Server } from '@grpc/grpc-js';
import { type TccService, addTcc } from '@tercet/sdk';
import type { Database } from '../database';
import { stock } from '../definitions';
import { Faults } from '../faults';
import { ReserveTryResponse } from '../gen/checkout/v1/stock';
import { Reservations } from '../reservation';
import { loadOpening } from '../shop';
import { ordinary, serveParticipant, tellLateTry } from './serve';

/** Adds the warehouse's service, its books kept in `db`. */
export function addStock(server: Server, db: Database): TccService {
  openBooks(db);
  const reservations = new Reservations(db, tellLateTry);
  const faults = new Faults();

  const setAside = db.prepare(
    `UPDATE article SET available = available - :quantity, reserved = reserved + :quantity
     WHERE sku = :sku AND available >= :quantity RETURNING available`,
  );
  const sell = db.prepare(
    'UPDATE article SET reserved = reserved - :quantity, sold = sold + :quantity WHERE sku = :sku',
  );
  const putBack = db.prepare(
    'UPDATE article SET reserved = reserved - :quantity, available = available + :quantity WHERE sku = :sku',
  );

  return addTcc(
    server,
    stock,
    {
      reserve: {
        // Try does everything that can be refused. After its OK, Confirm must not be able to fail for good.
        async try({ sku, quantity }, ctx) {
          await faults.beforeTry(ctx);
          const reply = reservations.try(ctx, {
            reply: ReserveTryResponse,
            apply: () => {
              const row = setAside.get({ sku, quantity }) as { available: number } | undefined;
              if (row === undefined) return ctx.reject('too few on the shelf', { sku, quantity });
              return { reservationId: `${ctx.gid}/${ctx.branchId}`, left: row.available };
            },
          });
          faults.afterTry(ctx);
          return reply;
        },
        confirm({ sku, quantity }, ctx) {
          faults.beforeConfirm(ctx);
          reservations.confirm(ctx, () => sell.run({ sku, quantity }));
        },
        cancel({ sku, quantity }, ctx) {
          reservations.cancel(ctx, () => putBack.run({ sku, quantity }));
        },
      },
      // Methods that belong to no action live beside the actions, as plain grpc-js handlers.
      getStock: ordinary(({ sku }) => {
        const row = db
          .prepare('SELECT available, reserved, sold FROM article WHERE sku = ?')
          .get(sku) as { available: number; reserved: number; sold: number } | undefined;
        return row ?? { available: 0, reserved: 0, sold: 0 };
      }),
    },
    // The reservation table is our barrier: the SDK need not fence late Tries in this process's memory.
    { barrier: true },
  );
}

function openBooks(db: Database): void {
  // The three columns are the books: a piece moves between them, and their sum never changes.
  db.exec(`CREATE TABLE IF NOT EXISTS article (
    sku       TEXT PRIMARY KEY,
    available INTEGER NOT NULL CHECK (available >= 0),
    reserved  INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    sold      INTEGER NOT NULL DEFAULT 0
  )`);
  // A restart finds its articles already there and must not fill the shelves again.
  const open = db.prepare(
    'INSERT INTO article (sku, available) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  for (const [sku, pieces] of Object.entries(loadOpening().stock)) open.run(sku, pieces);
}

if (require.main === module) void serveParticipant(addStock);
