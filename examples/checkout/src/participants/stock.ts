/** The warehouse. Read this one; wallet.ts and shipping.ts are the same with other tables. */
import type { Server } from '@grpc/grpc-js';
import { type TccHandlers, type TccService, addTcc } from '@tercet/sdk';
import type { Database } from '../database';
import { stock } from '../definitions';
import { faults } from '../faults';
import { loadOpening } from '../shop';
import { type Books, ordinary, serveParticipant } from './serve';

/** The handlers: what Try, Confirm and Cancel do to the books. */
export function stockHandlers(db: Database): TccHandlers<typeof stock, Database> {
  return {
    reserve: {
      // Try does everything that can be refused. After its OK, Confirm must not be able to fail for good.
      try({ sku, quantity }, ctx) {
        // `ctx.db` is the local transaction: what is written through it is committed with the barrier's row, or not at all.
        const row = ctx.db
          .prepare(
            `UPDATE article SET available = available - :quantity, reserved = reserved + :quantity
             WHERE sku = :sku AND available >= :quantity RETURNING available`,
          )
          .get({ sku, quantity }) as { available: number } | undefined;
        if (row === undefined) return ctx.reject('too few on the shelf', { sku, quantity });
        return { reservationId: `${ctx.gid}/${ctx.branchId}`, left: row.available };
      },
      // Confirm and Cancel come once here, and only after a Try that was committed: the barrier sees to that.
      confirm({ sku, quantity }, ctx) {
        ctx.db
          .prepare(
            `UPDATE article SET reserved = reserved - :quantity, sold = sold + :quantity
             WHERE sku = :sku`,
          )
          .run({ sku, quantity });
      },
      cancel({ sku, quantity }, ctx) {
        ctx.db
          .prepare(
            `UPDATE article SET reserved = reserved - :quantity, available = available + :quantity
             WHERE sku = :sku`,
          )
          .run({ sku, quantity });
      },
    },
    // Methods that belong to no action live beside the actions, as plain grpc-js handlers.
    getStock: ordinary(({ sku }) => {
      const row = db
        .prepare('SELECT available, reserved, sold FROM article WHERE sku = ?')
        .get(sku) as { available: number; reserved: number; sold: number } | undefined;
      return row ?? { available: 0, reserved: 0, sold: 0 };
    }),
  };
}

/** Adds the warehouse's service. */
export function addStock(server: Server, { db, barrier }: Books): TccService {
  createTables(db);
  return addTcc(server, stock, stockHandlers(db), { barrier, interceptors: [faults()] });
}

function createTables(db: Database): void {
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
