/**
 * Recipe: a table of reservations, on MariaDB or MySQL. The same tables as in reservation-table-sqlite.ts; what differs is
 * that Tries of the same article run at the same time, and together could set more aside than there is.
 *
 * So Try locks the article first (FOR UPDATE), and reads the reservations with a lock, too: a plain SELECT could show them
 * as they were before the lock was given. Confirm touches the article before the reservation as well: one order of locks.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Mysql2Transaction } from '@tercet/sdk/mysql2';
import type { RowDataPacket } from 'mysql2/promise';
import type { shelf } from './definitions';

/** The tables of this recipe. */
export const reservationTablesOfMariadb: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS article (
    sku     VARCHAR(64) PRIMARY KEY,
    on_hand INT NOT NULL CHECK (on_hand >= 0)
  ) ENGINE = InnoDB`,
  `CREATE TABLE IF NOT EXISTS reservation (
    run_id   CHAR(32) NOT NULL,
    branch   VARCHAR(64) NOT NULL,
    gid      VARCHAR(128) NOT NULL,
    sku      VARCHAR(64) NOT NULL,
    quantity INT NOT NULL CHECK (quantity > 0),
    since    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (run_id, branch),
    INDEX reservation_sku (sku)
  ) ENGINE = InnoDB`,
];

interface Article extends RowDataPacket {
  readonly onHand: number;
}

interface Held extends RowDataPacket {
  readonly held: string | number;
}

/** The handlers. */
export const shelfWithReservationsOnMariadb: TccHandlers<typeof shelf, Mysql2Transaction> = {
  reserve: {
    async try({ sku, quantity }, ctx) {
      const [[article]] = await ctx.db.execute<Article[]>(
        'SELECT on_hand AS onHand FROM article WHERE sku = ? FOR UPDATE',
        [sku],
      );
      if (article === undefined) return ctx.reject('no such article', { sku });
      const [[sum]] = await ctx.db.execute<Held[]>(
        'SELECT COALESCE(SUM(quantity), 0) AS held FROM reservation WHERE sku = ? FOR UPDATE',
        [sku],
      );
      const left = article.onHand - Number(sum?.held) - quantity;
      if (left < 0) return ctx.reject('too few on the shelf', { sku });
      await ctx.db.execute(
        'INSERT INTO reservation (run_id, branch, gid, sku, quantity) VALUES (?, ?, ?, ?, ?)',
        [ctx.runId, ctx.branchId, ctx.gid, sku, quantity],
      );
      return { left };
    },
    async confirm({ sku, quantity }, ctx) {
      await ctx.db.execute('UPDATE article SET on_hand = on_hand - ? WHERE sku = ?', [
        quantity,
        sku,
      ]);
      await release(ctx.db, ctx);
    },
    async cancel(_request, ctx) {
      await release(ctx.db, ctx);
    },
  },
};

async function release(
  db: Mysql2Transaction,
  { runId, branchId }: { readonly runId: string; readonly branchId: string },
): Promise<void> {
  await db.execute('DELETE FROM reservation WHERE run_id = ? AND branch = ?', [runId, branchId]);
}
