/** Participants that are wrong on purpose, one for each law that they break. */
import type { TryAndConfirm } from '@tercet/sdk';
import type { LawId } from '../../src/conformance';
import type { GuardedHandlers, OwnHandlers } from './right-participants';
import { giveBack, guarded, keyOf, markOf, ownGuard, sell, take } from './right-participants';
import { Rows, type StockDatabase, othersFirst } from './stock-books';
import type { StockTccService } from './stock-service';

/** What is wrong, and which law says so. */
interface Wrong {
  readonly law: LawId;
  /** Goes on `catches a …`. */
  readonly name: string;
}

/** One whose handlers guard by themselves. */
export interface WrongGuard extends Wrong {
  readonly handlers: (db: StockDatabase) => OwnHandlers;
}

/** One that has a barrier, and goes around it. `elsewhere` is the state outside of `ctx.db`. */
export interface WrongUse extends Wrong {
  readonly handlers: (elsewhere: StockDatabase) => GuardedHandlers;
  readonly cancelWhenTryUnknown?: 'call';
}

/** The right guard, but for some handlers. */
function but(
  change: (db: StockDatabase) => Partial<OwnHandlers['reserve']>,
): (db: StockDatabase) => OwnHandlers {
  return (db) => ({
    reserve: { ...ownGuard(db).reserve, ...change(db) },
  });
}

/** The right use of a barrier, but for some handlers. `outside` writes what no ROLLBACK takes back. */
function using(
  change: (outside: Rows) => GuardedChange,
): (elsewhere: StockDatabase) => GuardedHandlers {
  return (elsewhere) => {
    const outside = {
      add: (...change: Parameters<Rows['add']>) => new Rows(elsewhere.books).add(...change),
    } as Rows;
    return { reserve: { ...guarded.reserve, ...change(outside) } };
  };
}

type Guarded = TryAndConfirm<
  typeof StockTccService,
  { try: 'reserveTry'; confirm: 'reserveConfirm'; cancel: 'reserveCancel' },
  Rows
>;
type GuardedChange = Partial<Guarded> & { readonly cancel?: Guarded['confirm'] };

/** Without a barrier, each with the law that says so first. */
export const wrongGuards: readonly WrongGuard[] = [
  {
    law: 'L3',
    name: 'Try that takes again when it is repeated',
    handlers: but((db) => ({
      try: (request, ctx) =>
        db.transaction((rows, marks) => {
          if (marks.get(keyOf(ctx))?.end === 'cancel') throw new Error('cancelled');
          take(rows, request, ctx);
          marks.set(keyOf(ctx), markOf(ctx));
          return markOf(ctx).reply;
        }),
    })),
  },
  {
    law: 'L4',
    name: 'Try that answers a duplicate with another reservation',
    handlers: but((db) => {
      let last = 0;
      return {
        try: async (request, ctx) => {
          await ownGuard(db).reserve.try(request, ctx);
          last += 1;
          return { reservationId: `r-${last}` };
        },
      };
    }),
  },
  {
    law: 'L5',
    name: 'Try that looks for its mark before it writes it',
    handlers: but((db) => ({
      try: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark?.end === 'cancel') throw new Error('cancelled');
        if (mark !== undefined) return mark.reply;
        return db.transaction((rows, marks) => {
          take(rows, request, ctx);
          marks.set(keyOf(ctx), markOf(ctx));
          return markOf(ctx).reply;
        });
      },
    })),
  },
  {
    law: 'L6',
    name: 'Confirm that sells again when it is repeated',
    handlers: but((db) => ({
      confirm: (request) => db.transaction((rows) => sell(rows, request)),
    })),
  },
  {
    law: 'L6',
    name: 'Confirm that refuses to be repeated',
    handlers: but((db) => ({
      confirm: (request, ctx) =>
        db.transaction((rows, marks) => {
          if (marks.get(keyOf(ctx))?.end === 'confirm') throw new Error('confirmed already');
          sell(rows, request);
          marks.set(keyOf(ctx), { ...markOf(ctx), end: 'confirm' });
        }),
    })),
  },
  {
    law: 'L7',
    name: 'Confirm that looks for its mark before it writes it',
    handlers: but((db) => ({
      confirm: async (request, ctx) => {
        if ((await db.markOf(keyOf(ctx)))?.end === 'confirm') return;
        await db.transaction((rows, marks) => {
          sell(rows, request);
          marks.set(keyOf(ctx), { ...markOf(ctx), end: 'confirm' });
        });
      },
    })),
  },
  {
    law: 'L8',
    name: 'Cancel that gives back again when it is repeated',
    handlers: but((db) => ({
      cancel: (request, ctx) =>
        db.transaction((rows, marks) => {
          const mark = marks.get(keyOf(ctx));
          if (mark?.by === 'try') giveBack(rows, request);
          marks.set(keyOf(ctx), { ...markOf(ctx), by: mark?.by ?? 'cancel', end: 'cancel' });
        }),
    })),
  },
  {
    law: 'L9',
    name: 'Cancel that looks for its mark before it writes it',
    handlers: but((db) => ({
      cancel: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark?.end === 'cancel') return;
        await db.transaction((rows, marks) => {
          if (mark !== undefined) giveBack(rows, request);
          marks.set(keyOf(ctx), { ...markOf(ctx), end: 'cancel' });
        });
      },
    })),
  },
  {
    law: 'L10',
    name: 'Cancel that throws where it finds nothing to cancel',
    handlers: but((db) => ({
      cancel: async (request, ctx) => {
        if ((await db.markOf(keyOf(ctx))) === undefined) throw new Error('no such reservation');
        await ownGuard(db).reserve.cancel(request, ctx);
      },
    })),
  },
  {
    law: 'L11',
    name: 'Cancel that leaves no mark where it finds nothing',
    handlers: but((db) => ({
      cancel: async (request, ctx) => {
        if ((await db.markOf(keyOf(ctx))) === undefined) return;
        await ownGuard(db).reserve.cancel(request, ctx);
      },
    })),
  },
  {
    law: 'L11',
    name: 'guard that forgets a cancelled branch when it has refused its first late Try',
    handlers: but((db) => ({
      try: async (request, ctx) => {
        const late = await db.transaction((_rows, marks) => {
          const mark = marks.get(keyOf(ctx));
          return mark?.end === 'cancel' && mark.by === 'cancel' && marks.delete(keyOf(ctx));
        });
        if (late) throw new Error('cancelled');
        return ownGuard(db).reserve.try(request, ctx);
      },
    })),
  },
  {
    law: 'L12',
    name: 'Try that asks first whether it was cancelled, and takes later',
    handlers: but((db) => ({
      try: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark?.end === 'cancel') throw new Error('cancelled');
        await othersFirst(10);
        return db.transaction((rows, marks) => {
          const now = marks.get(keyOf(ctx));
          if (now?.by === 'try') return now.reply;
          take(rows, request, ctx);
          marks.set(keyOf(ctx), { ...markOf(ctx), end: now?.end });
          return markOf(ctx).reply;
        });
      },
    })),
  },
  {
    law: 'L13',
    name: 'Cancel that gives back what was sold',
    handlers: but((db) => ({
      cancel: (request, ctx) =>
        db.transaction((rows, marks) => {
          const mark = marks.get(keyOf(ctx));
          if (mark?.end === 'cancel') return;
          if (mark !== undefined) giveBack(rows, request);
          marks.set(keyOf(ctx), { ...markOf(ctx), by: mark?.by ?? 'cancel', end: 'cancel' });
        }),
    })),
  },
  {
    law: 'L13',
    name: 'Confirm that answers OK after a Cancel, though it does nothing',
    handlers: but((db) => ({
      confirm: async (request, ctx) => {
        if ((await db.markOf(keyOf(ctx)))?.end === 'cancel') return;
        await ownGuard(db).reserve.confirm(request, ctx);
      },
    })),
  },
  {
    law: 'L14',
    name: 'Confirm that asks first whether it was cancelled, and sells later',
    handlers: but((db) => ({
      confirm: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark === undefined || mark.end === 'cancel') throw new Error('cancelled');
        if (mark.end === 'confirm') return;
        await othersFirst(10);
        await db.transaction((rows, marks) => {
          sell(rows, request);
          marks.set(keyOf(ctx), { ...mark, end: 'confirm' });
        });
      },
    })),
  },
  {
    law: 'L15',
    name: 'Confirm that sells what was never reserved',
    handlers: but((db) => ({
      confirm: (request, ctx) =>
        db.transaction((rows, marks) => {
          const mark = marks.get(keyOf(ctx)) ?? markOf(ctx);
          if (mark.end === 'cancel') throw new Error('cancelled');
          if (mark.end === undefined) sell(rows, request);
          marks.set(keyOf(ctx), { ...mark, end: 'confirm' });
        }),
    })),
  },
  {
    law: 'L17',
    name: 'guard that remembers Tries in the memory of its process',
    handlers: but((db) => {
      const known = new Map<string, { reservationId: string }>();
      return {
        try: async (request, ctx) => {
          const reply = known.get(keyOf(ctx)) ?? markOf(ctx).reply;
          if ((await db.markOf(keyOf(ctx)))?.end === 'cancel') throw new Error('cancelled');
          if (known.has(keyOf(ctx))) return reply;
          known.set(keyOf(ctx), reply);
          await db.transaction((rows, marks) => {
            take(rows, request, ctx);
            marks.set(keyOf(ctx), markOf(ctx));
          });
          return reply;
        },
      };
    }),
  },
  {
    law: 'L19',
    name: 'guard that remembers Confirms in the memory of its process',
    handlers: but((db) => {
      const known = new Set<string>();
      return {
        confirm: async (request, ctx) => {
          if (known.has(keyOf(ctx))) return;
          known.add(keyOf(ctx));
          await db.transaction((rows) => sell(rows, request));
        },
      };
    }),
  },
  {
    law: 'L21',
    name: 'guard that remembers Cancels in the memory of its process',
    handlers: but((db) => {
      const known = new Set<string>();
      return {
        cancel: async (request, ctx) => {
          const mark = await db.markOf(keyOf(ctx));
          if (known.has(keyOf(ctx))) return;
          known.add(keyOf(ctx));
          await db.transaction((rows, marks) => {
            if (mark?.by === 'try') giveBack(rows, request);
            marks.set(keyOf(ctx), { ...markOf(ctx), by: mark?.by ?? 'cancel', end: 'cancel' });
          });
        },
      };
    }),
  },
  {
    law: 'L22',
    name: 'guard that writes its mark in a second transaction, after the work of Try',
    handlers: but((db) => ({
      try: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark?.end === 'cancel') throw new Error('cancelled');
        if (mark !== undefined) return mark.reply;
        await db.transaction((rows) => take(rows, request, ctx));
        await db.transaction((_rows, marks) => void marks.set(keyOf(ctx), markOf(ctx)));
        return markOf(ctx).reply;
      },
    })),
  },
  {
    law: 'L23',
    name: 'guard that writes its mark in a transaction of its own, before the work of Confirm',
    handlers: but((db) => ({
      confirm: async (request, ctx) => {
        if ((await db.markOf(keyOf(ctx)))?.end === 'confirm') return;
        await db.transaction(
          (_rows, marks) => void marks.set(keyOf(ctx), { ...markOf(ctx), end: 'confirm' }),
        );
        await db.transaction((rows) => sell(rows, request));
      },
    })),
  },
  {
    law: 'L26',
    name: 'Try that takes before it finds out that there is too little',
    handlers: but((db) => ({
      try: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark?.end === 'cancel') throw new Error('cancelled');
        if (mark !== undefined) return mark.reply;
        const left = await db.transaction((rows) => {
          rows.add(request.sku, 'free', -request.quantity);
          rows.add(request.sku, 'held', request.quantity);
          return rows.read(request.sku, 'free');
        });
        if (left < 0) ctx.reject('sold out');
        await db.transaction((_rows, marks) => void marks.set(keyOf(ctx), markOf(ctx)));
        return markOf(ctx).reply;
      },
    })),
  },
  {
    law: 'L27',
    name: 'guard that knows runs, not branches',
    handlers: keyedBy((ctx) => ({ ...ctx, runId: ctx.runId, branchId: '1' })),
  },
  {
    law: 'L28',
    name: 'guard that knows the order, not the run',
    handlers: keyedBy((ctx) => ({ ...ctx, runId: ctx.gid, branchId: ctx.branchId })),
  },
  {
    law: 'L29',
    name: 'Try that writes back what it has read',
    handlers: but((db) => ({
      try: async (request, ctx) => {
        const mark = await db.markOf(keyOf(ctx));
        if (mark?.end === 'cancel') throw new Error('cancelled');
        if (mark !== undefined) return mark.reply;
        const { sku, quantity } = request;
        const shelf = structuredClone(db.books[sku]);
        await othersFirst();
        return db.transaction((rows, marks) => {
          rows.write(sku, 'free', (shelf?.free ?? 0) - quantity);
          rows.write(sku, 'held', (shelf?.held ?? 0) + quantity);
          marks.set(keyOf(ctx), markOf(ctx));
          return markOf(ctx).reply;
        });
      },
    })),
  },
];

type OwnContext = Parameters<OwnHandlers['reserve']['try']>[1];

/** The right guard, with other keys. */
function keyedBy(key: (ctx: OwnContext) => object): (db: StockDatabase) => OwnHandlers {
  const seen = (ctx: OwnContext): OwnContext => {
    const { reject, gid, runId, branchId } = ctx;
    return { reject, ...key({ gid, runId, branchId } as OwnContext) } as OwnContext;
  };
  return (db) => {
    const { reserve } = ownGuard(db);
    return {
      reserve: {
        try: (request, ctx) => reserve.try(request, seen(ctx)),
        confirm: (request, ctx) => reserve.confirm(request, seen(ctx)),
        cancel: (request, ctx) => reserve.cancel(request, seen(ctx)),
      },
    };
  };
}

/** With a barrier. */
export const wrongUses: readonly WrongUse[] = [
  {
    law: 'L1',
    name: 'Confirm that never succeeds',
    handlers: using(() => ({
      confirm: () => {
        throw new Error('not implemented');
      },
    })),
  },
  {
    law: 'L2',
    name: 'Cancel that gives back less than was taken',
    handlers: using(() => ({
      cancel: ({ sku, quantity }, ctx) => {
        ctx.db.add(sku, 'held', -quantity);
        ctx.db.add(sku, 'free', quantity - 1);
      },
    })),
  },
  {
    law: 'L2',
    name: 'Cancel that forgets a column',
    handlers: using(() => ({
      cancel: ({ sku, quantity }, ctx) => ctx.db.add(sku, 'free', quantity),
    })),
  },
  {
    law: 'L10',
    name: 'Cancel that is called without a Try and does not ask for ctx.tryObserved',
    handlers: using(() => ({})),
    cancelWhenTryUnknown: 'call',
  },
  {
    law: 'L16',
    name: 'Try that takes outside of ctx.db',
    handlers: using((outside) => ({
      try: ({ sku, quantity }, ctx) => {
        outside.add(sku, 'free', -quantity);
        ctx.db.add(sku, 'held', quantity);
        return { reservationId: `r-${ctx.runId}` };
      },
    })),
  },
  {
    law: 'L18',
    name: 'Confirm that sells outside of ctx.db',
    handlers: using((outside) => ({
      confirm: ({ sku, quantity }, ctx) => {
        ctx.db.add(sku, 'held', -quantity);
        outside.add(sku, 'sold', quantity);
      },
    })),
  },
  {
    law: 'L20',
    name: 'Cancel that gives back outside of ctx.db',
    handlers: using((outside) => ({
      cancel: ({ sku, quantity }, ctx) => {
        ctx.db.add(sku, 'held', -quantity);
        outside.add(sku, 'free', quantity);
      },
    })),
  },
  {
    law: 'L22',
    name: 'Try that dies between a write elsewhere and its own',
    handlers: using((outside) => ({
      try: ({ sku, quantity }, ctx) => {
        outside.add(sku, 'free', -quantity);
        ctx.db.add(sku, 'held', quantity);
        return { reservationId: `r-${ctx.runId}` };
      },
    })),
  },
  {
    law: 'L24',
    name: 'Try that swallows an error of its database',
    handlers: using(() => ({
      try: ({ sku, quantity }, ctx) => {
        ctx.db.add(sku, 'free', -quantity);
        try {
          ctx.db.add(sku, 'held', quantity);
        } catch {}
        return { reservationId: `r-${ctx.runId}` };
      },
    })),
  },
  {
    law: 'L25',
    name: 'Confirm that swallows an error of its database',
    handlers: using(() => ({
      confirm: ({ sku, quantity }, ctx) => {
        try {
          ctx.db.add(sku, 'held', -quantity);
          ctx.db.add(sku, 'sold', quantity);
        } catch {}
      },
    })),
  },
  {
    law: 'L26',
    name: 'Try that is rejected after it took outside of ctx.db',
    handlers: using((outside) => ({
      try: ({ sku, quantity }, ctx) => {
        outside.add(sku, 'held', quantity);
        ctx.db.add(sku, 'free', -quantity);
        return { reservationId: `r-${ctx.runId}` };
      },
    })),
  },
  {
    law: 'L27',
    name: 'Confirm that sells what a variable of the process remembers',
    handlers: using(() => {
      let latest = 0;
      return {
        try: (request, ctx) => {
          latest = request.quantity;
          return guarded.reserve.try(request, ctx);
        },
        confirm: ({ sku }, ctx) => guarded.reserve.confirm({ sku, quantity: latest }, ctx),
      };
    }),
  },
];
