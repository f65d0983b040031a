/**
 * Recipe: a Cancel that needs what Try made, on MariaDB 10.6 or newer. As made-by-try-sqlite.ts; what differs is how one of
 * several travellers at a time gets a seat: SKIP LOCKED passes over seats that others are just picking, instead of waiting.
 * On MySQL take the voucher with SELECT … FOR UPDATE and DELETE: its DELETE returns no rows.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Mysql2Transaction } from '@tercet/sdk/mysql2';
import type { RowDataPacket } from 'mysql2/promise';
import type { train } from './definitions';
import type { TakenVoucher } from './made-by-try-sqlite';

/** The tables of this recipe. */
export const seatTablesOfMariadb: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS seat (
    train     VARCHAR(64) NOT NULL,
    seat      VARCHAR(8) NOT NULL,
    traveller VARCHAR(64),
    sold      BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (train, seat)
  ) ENGINE = InnoDB`,
  `CREATE TABLE IF NOT EXISTS voucher (
    traveller VARCHAR(64) PRIMARY KEY,
    code      VARCHAR(64) NOT NULL
  ) ENGINE = InnoDB`,
];

interface Seat extends RowDataPacket {
  readonly seat: string;
}

/** The handlers. */
export const seatsOnMariadb: TccHandlers<typeof train, Mysql2Transaction> = {
  pick: {
    async try({ train, traveller }, ctx) {
      const [[picked]] = await ctx.db.execute<Seat[]>(
        `SELECT seat FROM seat WHERE train = ? AND traveller IS NULL
         ORDER BY seat LIMIT 1 FOR UPDATE SKIP LOCKED`,
        [train],
      );
      if (picked === undefined) return ctx.reject('the train is full', { train });
      await ctx.db.execute('UPDATE seat SET traveller = ? WHERE train = ? AND seat = ?', [
        traveller,
        train,
        picked.seat,
      ]);
      const [[voucher]] = await ctx.db.execute<(RowDataPacket & TakenVoucher)[]>(
        'DELETE FROM voucher WHERE traveller = ? RETURNING code',
        [traveller],
      );
      if (voucher !== undefined) ctx.save({ code: voucher.code } satisfies TakenVoucher);
      return { seat: picked.seat };
    },
    async confirm({ train }, ctx) {
      await ctx.db.execute('UPDATE seat SET sold = TRUE WHERE train = ? AND seat = ?', [
        train,
        ctx.tried.seat,
      ]);
    },
    async cancel({ train, traveller }, ctx) {
      await ctx.db.execute('UPDATE seat SET traveller = NULL WHERE train = ? AND seat = ?', [
        train,
        ctx.tried.seat,
      ]);
      const voucher = ctx.saved as TakenVoucher | undefined;
      if (voucher === undefined) return;
      await ctx.db.execute('INSERT INTO voucher (traveller, code) VALUES (?, ?)', [
        traveller,
        voucher.code,
      ]);
    },
  },
};
