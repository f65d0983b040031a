/**
 * Recipe: a table of reservations, on SQLite. See reservation-table-mariadb.ts for a server with many writers at a time.
 *
 * Instead of a column `reserved` there is a row for each branch that set something aside: who holds what, and since when,
 * can be looked up. What can still be had is what is there, less what the rows hold.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Database } from './database';
import type { shelf } from './definitions';

/** The tables of this recipe. */
export const reservationTables = `
CREATE TABLE IF NOT EXISTS article (
  sku     TEXT PRIMARY KEY,
  on_hand INTEGER NOT NULL CHECK (on_hand >= 0)
);
CREATE TABLE IF NOT EXISTS reservation (
  run_id   TEXT NOT NULL,
  branch   TEXT NOT NULL,
  gid      TEXT NOT NULL,
  sku      TEXT NOT NULL REFERENCES article (sku),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  since    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (run_id, branch)
);
CREATE INDEX IF NOT EXISTS reservation_sku ON reservation (sku)`;

/** The handlers. */
export const shelfWithReservations: TccHandlers<typeof shelf, Database> = {
  reserve: {
    try({ sku, quantity }, ctx) {
      // The barrier's transaction has the database's one write lock: what is read here stays so until COMMIT.
      const row = ctx.db
        .prepare(
          `SELECT on_hand - (SELECT coalesce(sum(quantity), 0) FROM reservation WHERE sku = article.sku) AS free
           FROM article WHERE sku = ?`,
        )
        .get(sku) as { readonly free: number } | undefined;
      if (row === undefined) return ctx.reject('no such article', { sku });
      if (row.free < quantity) return ctx.reject('too few on the shelf', { sku });
      ctx.db
        .prepare(
          'INSERT INTO reservation (run_id, branch, gid, sku, quantity) VALUES (?, ?, ?, ?, ?)',
        )
        .run(ctx.runId, ctx.branchId, ctx.gid, sku, quantity);
      return { left: row.free - quantity };
    },
    confirm({ sku, quantity }, ctx) {
      ctx.db.prepare('UPDATE article SET on_hand = on_hand - ? WHERE sku = ?').run(quantity, sku);
      release(ctx.db, ctx);
    },
    cancel(_request, ctx) {
      release(ctx.db, ctx);
    },
  },
};

function release(db: Database, { runId, branchId }: { runId: string; branchId: string }): void {
  db.prepare('DELETE FROM reservation WHERE run_id = ? AND branch = ?').run(runId, branchId);
}
