/**
 * Recipe: a Try that touches what the local transaction does not cover, here a payment provider.
 *
 * Three things make it safe. Every call to the provider carries an idempotency key (idempotency-key.ts), so repetitions are
 * harmless: after a deadlock the handler runs again. Try writes nothing here that the provider's answer does not back. And
 * `cancelWhenTryUnknown: 'call'`: where Try failed half-way, its local transaction was rolled back and the barrier saw no
 * Try, yet the provider may hold the money. So Cancel is called all the same, and releases whatever the key of Try holds.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Database } from './database';
import type { card } from './definitions';
import { idempotencyKey } from './idempotency-key';
import { CardRefusedError, type PaymentProvider } from './provider';

/** The table of this recipe. */
export const chargeTable = `CREATE TABLE IF NOT EXISTS charge (
  run_id  TEXT NOT NULL,
  branch  TEXT NOT NULL,
  hold_id TEXT NOT NULL,
  cents   INTEGER NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('held', 'captured', 'released')),
  PRIMARY KEY (run_id, branch)
)`;

interface Branch {
  readonly runId: string;
  readonly branchId: string;
}

/** What names the work here. An order may have two charges, and may be run again: its number alone would be too little. */
function workOf({ runId, branchId }: Branch): string {
  return `${runId}/${branchId}`;
}

/** The handlers. */
export function charges(provider: PaymentProvider): TccHandlers<typeof card, Database> {
  return {
    charge: {
      cancelWhenTryUnknown: 'call',
      async try({ card, cents }, ctx) {
        const holdId = await provider
          .hold(idempotencyKey(workOf(ctx), 'hold'), { card, cents })
          .catch((error: unknown) => {
            // A definite no is a reject. A lost answer is not: it passes, and counts as unknown.
            if (error instanceof CardRefusedError) return ctx.reject(error.message, { card });
            throw error;
          });
        ctx.db
          .prepare(
            "INSERT INTO charge (run_id, branch, hold_id, cents, state) VALUES (?, ?, ?, ?, 'held')",
          )
          .run(ctx.runId, ctx.branchId, holdId, cents);
        return { holdId };
      },
      async confirm(_request, ctx) {
        await provider.capture(idempotencyKey(workOf(ctx), 'capture'), ctx.tried.holdId);
        mark(ctx.db, ctx, 'captured');
      },
      async cancel(_request, ctx) {
        const work = workOf(ctx);
        await provider.release(idempotencyKey(work, 'release'), idempotencyKey(work, 'hold'));
        // Changes nothing where Try was not observed: its row was rolled back with it.
        mark(ctx.db, ctx, 'released');
      },
    },
  };
}

function mark(db: Database, { runId, branchId }: Branch, state: 'captured' | 'released'): void {
  db.prepare('UPDATE charge SET state = ? WHERE run_id = ? AND branch = ?').run(
    state,
    runId,
    branchId,
  );
}
