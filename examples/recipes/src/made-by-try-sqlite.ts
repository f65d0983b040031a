/**
 * Recipe: a Cancel that needs what Try made, on SQLite.
 *
 * Which seat it is turns out in Try, so the request that Cancel gets does not say it. `ctx.tried` is the reply that Try was
 * answered with; `ctx.save` keeps what the initiator has no business to see, and `ctx.saved` is that. Both lie in the
 * barrier's row: they are there exactly when the effects of Try are.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Database } from './database';
import type { train } from './definitions';

/** The tables of this recipe. */
export const seatTables = `
CREATE TABLE IF NOT EXISTS seat (
  train     TEXT NOT NULL,
  seat      TEXT NOT NULL,
  traveller TEXT,
  sold      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (train, seat)
);
CREATE TABLE IF NOT EXISTS voucher (
  traveller TEXT PRIMARY KEY,
  code      TEXT NOT NULL
)`;

/** What Try keeps for Cancel: the voucher that it took; undefined = there was none. */
export interface TakenVoucher {
  readonly code: string;
}

/** The handlers. */
export const seats: TccHandlers<typeof train, Database> = {
  pick: {
    try({ train, traveller }, ctx) {
      const picked = ctx.db
        .prepare(
          `UPDATE seat SET traveller = ?1 WHERE train = ?2 AND seat = (
             SELECT seat FROM seat WHERE train = ?2 AND traveller IS NULL ORDER BY seat LIMIT 1)
           RETURNING seat`,
        )
        .get(traveller, train) as { readonly seat: string } | undefined;
      if (picked === undefined) return ctx.reject('the train is full', { train });
      const voucher = ctx.db
        .prepare('DELETE FROM voucher WHERE traveller = ? RETURNING code')
        .get(traveller) as TakenVoucher | undefined;
      if (voucher !== undefined) ctx.save({ code: voucher.code } satisfies TakenVoucher);
      return { seat: picked.seat };
    },
    confirm({ train }, ctx) {
      ctx.db
        .prepare('UPDATE seat SET sold = 1 WHERE train = ? AND seat = ?')
        .run(train, ctx.tried.seat);
    },
    cancel({ train, traveller }, ctx) {
      ctx.db
        .prepare('UPDATE seat SET traveller = NULL WHERE train = ? AND seat = ?')
        .run(train, ctx.tried.seat);
      const voucher = ctx.saved as TakenVoucher | undefined;
      if (voucher === undefined) return;
      ctx.db
        .prepare('INSERT INTO voucher (traveller, code) VALUES (?, ?)')
        .run(traveller, voucher.code);
    },
  },
};
