/** The carrier: as stock.ts, with places on delivery tours. */
import type { Server } from '@grpc/grpc-js';
import { type TccService, addTcc } from '@tercet/sdk';
import type { Database } from '../database';
import { shipping } from '../definitions';
import { Faults } from '../faults';
import { BookTryResponse } from '../gen/checkout/v1/shipping';
import { Reservations } from '../reservation';
import { loadOpening } from '../shop';
import { ordinary, serveParticipant, tellLateTry } from './serve';

/** Adds the carrier's service, its books kept in `db`. */
export function addShipping(server: Server, db: Database): TccService {
  openBooks(db);
  const reservations = new Reservations(db, tellLateTry);
  const faults = new Faults();

  const keep = db.prepare(
    `UPDATE tour SET free = free - 1, kept = kept + 1
     WHERE city = :city AND slot = :slot AND free >= 1 RETURNING free`,
  );
  const book = db.prepare(
    'UPDATE tour SET kept = kept - 1, booked = booked + 1 WHERE city = :city AND slot = :slot',
  );
  const giveBack = db.prepare(
    'UPDATE tour SET kept = kept - 1, free = free + 1 WHERE city = :city AND slot = :slot',
  );

  return addTcc(
    server,
    shipping,
    {
      book: {
        async try({ city, slot }, ctx) {
          await faults.beforeTry(ctx);
          const reply = reservations.try(ctx, {
            reply: BookTryResponse,
            apply: () => {
              const row = keep.get({ city, slot }) as { free: number } | undefined;
              if (row === undefined) return ctx.reject('tour is full', { city, slot });
              return { bookingId: `${ctx.gid}/${ctx.branchId}`, left: row.free };
            },
          });
          faults.afterTry(ctx);
          return reply;
        },
        confirm({ city, slot }, ctx) {
          faults.beforeConfirm(ctx);
          reservations.confirm(ctx, () => book.run({ city, slot }));
        },
        cancel({ city, slot }, ctx) {
          reservations.cancel(ctx, () => giveBack.run({ city, slot }));
        },
      },
      getTour: ordinary(({ city, slot }) => {
        const row = db
          .prepare('SELECT free, kept, booked FROM tour WHERE city = ? AND slot = ?')
          .get(city, slot) as { free: number; kept: number; booked: number } | undefined;
        return row ?? { free: 0, kept: 0, booked: 0 };
      }),
    },
    { barrier: true },
  );
}

function openBooks(db: Database): void {
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
