/** Participants that keep every law: with a barrier, and with a guard of their own. */
import type { CallContext, TccHandlers } from '@tercet/sdk';
import type { Mark, Rows, StockDatabase } from './stock-books';
import type { ReserveRequest, stock } from './stock-service';

/** Handlers that work through `ctx.db` of a MemoryBarrier. */
export type GuardedHandlers = TccHandlers<typeof stock, Rows>;
/** Handlers that guard by themselves. */
export type OwnHandlers = TccHandlers<typeof stock>;

/** With a barrier. */
export const guarded = {
  reserve: {
    try: ({ sku, quantity }, ctx) => {
      if (ctx.db.read(sku, 'free') < quantity) ctx.reject('sold out');
      ctx.db.add(sku, 'free', -quantity);
      ctx.db.add(sku, 'held', quantity);
      return { reservationId: `r-${ctx.runId}` };
    },
    confirm: ({ sku, quantity }, ctx) => {
      ctx.db.add(sku, 'held', -quantity);
      ctx.db.add(sku, 'sold', quantity);
    },
    cancel: ({ sku, quantity }, ctx) => {
      ctx.db.add(sku, 'held', -quantity);
      ctx.db.add(sku, 'free', quantity);
    },
  },
} satisfies GuardedHandlers;

/** The key of a branch. */
export function keyOf(ctx: CallContext): string {
  return `${ctx.runId} ${ctx.branchId}`;
}

/** The mark of a Try. */
export function markOf(ctx: CallContext): Mark {
  return { by: 'try', end: undefined, reply: { reservationId: `r-${ctx.runId}-${ctx.branchId}` } };
}

/** Takes, or throws where there is too little. */
export function take(rows: Rows, { sku, quantity }: ReserveRequest, ctx: CallContext): void {
  if (rows.read(sku, 'free') < quantity) ctx.reject('sold out');
  rows.add(sku, 'free', -quantity);
  rows.add(sku, 'held', quantity);
}

/** Sells what is held. */
export function sell(rows: Rows, { sku, quantity }: ReserveRequest): void {
  rows.add(sku, 'held', -quantity);
  rows.add(sku, 'sold', quantity);
}

/** Gives back what is held. */
export function giveBack(rows: Rows, { sku, quantity }: ReserveRequest): void {
  rows.add(sku, 'held', -quantity);
  rows.add(sku, 'free', quantity);
}

/** With a guard of its own: the mark of a branch, in the transaction of its work. */
export function ownGuard(db: StockDatabase): OwnHandlers {
  return {
    reserve: {
      try: (request, ctx) =>
        db.transaction((rows, marks) => {
          const mark = marks.get(keyOf(ctx));
          if (mark?.end === 'cancel') throw new Error('this branch was cancelled');
          if (mark !== undefined) return mark.reply;
          take(rows, request, ctx);
          marks.set(keyOf(ctx), markOf(ctx));
          return markOf(ctx).reply;
        }),
      confirm: (request, ctx) =>
        db.transaction((rows, marks) => {
          const mark = marks.get(keyOf(ctx));
          if (mark === undefined) throw new Error('this branch was never tried');
          if (mark.end === 'cancel') throw new Error('this branch was cancelled');
          if (mark.end === 'confirm') return;
          sell(rows, request);
          marks.set(keyOf(ctx), { ...mark, end: 'confirm' });
        }),
      cancel: (request, ctx) =>
        db.transaction((rows, marks) => {
          const mark = marks.get(keyOf(ctx));
          if (mark?.end === 'confirm') throw new Error('this branch was confirmed');
          if (mark?.end === 'cancel') return;
          if (mark !== undefined) giveBack(rows, request);
          marks.set(keyOf(ctx), { ...markOf(ctx), by: mark?.by ?? 'cancel', end: 'cancel' });
        }),
    },
  };
}
