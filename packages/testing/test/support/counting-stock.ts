/** The participant of docs/guide/conformance.md: right, but for what it counts in memory. */
import { DatabaseSync } from '@photostructure/sqlite';
import { type TccHandlers, defineTcc } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/sqlite';

import { StockTccService } from './stock-service';

export const stock = defineTcc(StockTccService, {
  reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
});

export const db = new DatabaseSync(':memory:');
export const barrier = sqliteBarrier(db);
let promised = 0; // pieces that customers wait for, for the dashboard

export const handlers = {
  reserve: {
    try: ({ sku, quantity }, ctx) => {
      promised += quantity;
      const taken = ctx.db
        .prepare('UPDATE stock SET free = free - ?, held = held + ? WHERE sku = ? AND free >= ?')
        .run(quantity, quantity, sku, quantity);
      if (taken.changes === 0) ctx.reject('sold out');
      return { reservationId: `r-${ctx.runId}-${ctx.branchId}` };
    },
    confirm: ({ sku, quantity }, ctx) => {
      promised -= quantity;
      ctx.db.prepare('UPDATE stock SET held = held - ? WHERE sku = ?').run(quantity, sku);
    },
    cancel: ({ sku, quantity }, ctx) => {
      promised -= quantity;
      ctx.db
        .prepare('UPDATE stock SET held = held - ?, free = free + ? WHERE sku = ?')
        .run(quantity, quantity, sku);
    },
  },
} satisfies TccHandlers<typeof stock, typeof db>;

export const check = {
  barrier,
  // Four requests that fit into the stock together, each another one.
  requests: { reserve: (n: number) => ({ sku: 'tea', quantity: n }) },
  // One that Try rejects.
  refused: { reserve: () => ({ sku: 'tea', quantity: 1_000 }) },
  // Everything that is worth money, and nothing that differs from run to run.
  snapshot: () => ({ stock: db.prepare('SELECT * FROM stock ORDER BY sku').all(), promised }),
  reset: () => {
    db.exec('DROP TABLE IF EXISTS stock');
    db.exec('CREATE TABLE stock (sku TEXT PRIMARY KEY, free INTEGER, held INTEGER)');
    db.exec("INSERT INTO stock VALUES ('tea', 100, 0)");
    promised = 0;
  },
};
