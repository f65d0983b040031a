/** The carrier: as stock.ts, with places on delivery tours. */
import type { Server } from '@grpc/grpc-js';
import { type TccHandlers, type TccService, addTcc } from '@tercet/sdk';
import type { Database } from '../database';
import { shipping } from '../definitions';
import { faults } from '../faults';
import { loadOpening } from '../shop';
import { type Books, ordinary, serveParticipant } from './serve';

/** The handlers: what Try, Confirm and Cancel do to the books. */
export function shippingHandlers(db: Database): TccHandlers<typeof shipping, Database> {
  return {
    book: {
      try({ city, slot }, ctx) {
        const row = ctx.db
          .prepare(
            `UPDATE tour SET free = free - 1, kept = kept + 1
             WHERE city = :city AND slot = :slot AND free >= 1 RETURNING free`,
          )
          .get({ city, slot }) as { free: number } | undefined;
        if (row === undefined) return ctx.reject('tour is full', { city, slot });
        return { bookingId: `${ctx.gid}/${ctx.branchId}`, left: row.free };
      },
      confirm({ city, slot }, ctx) {
        ctx.db
          .prepare(
            'UPDATE tour SET kept = kept - 1, booked = booked + 1 WHERE city = :city AND slot = :slot',
          )
          .run({ city, slot });
      },
      cancel({ city, slot }, ctx) {
        ctx.db
          .prepare(
            'UPDATE tour SET kept = kept - 1, free = free + 1 WHERE city = :city AND slot = :slot',
          )
          .run({ city, slot });
      },
    },
    getTour: ordinary(({ city, slot }) => {
      const row = db
        .prepare('SELECT free, kept, booked FROM tour WHERE city = ? AND slot = ?')
        .get(city, slot) as { free: number; kept: number; booked: number } | undefined;
      return row ?? { free: 0, kept: 0, booked: 0 };
    }),
  };
}

/** Adds the carrier's service. */
export function addShipping(server: Server, { db, barrier }: Books): TccService {
  createTables(db);
  return addTcc(server, shipping, shippingHandlers(db), { barrier, interceptors: [faults()] });
}

function createTables(db: Database): void {
  db.exec(`CREATE TABLE IF NOT EXISTS tour (
    city   TEXT NOT NULL,
    slot   TEXT NOT NULL,
    free   INTEGER NOT NULL CHECK (free >= 0),
    kept   INTEGER NOT NULL DEFAULT 0 CHECK (kept >= 0),
    booked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (city, slot)
  )`);
  const open = db.prepare(
    'INSERT INTO tour (city, slot, free) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  for (const { city, slot, places } of loadOpening().tours) open.run(city, slot, places);
}

if (require.main === module) void serveParticipant(addShipping);
