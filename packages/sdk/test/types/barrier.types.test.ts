/** Compile-time promises of handlers with a barrier: see sdk.types.test.ts. */
import { describe, expect, it } from '@jest/globals';
import type { Server } from '@grpc/grpc-js';
import {
  type AddTccOptions,
  type Barrier,
  type CallContext,
  type TccHandlers,
  addTcc,
  defineTcc,
} from '@tercet/sdk';
import { type ChargeReply, type ReserveReply, ShopTccService } from '../support/shop-service';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function seen(..._values: readonly unknown[]): void {}
function holds<T extends true>(): T | undefined {
  return undefined;
}

const reserve = { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } as const;
const charge = { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' } as const;
const stock = defineTcc(ShopTccService, { reserve });
const payment = defineTcc(ShopTccService, { charge });
const { count: _ordinary, ...methods } = ShopTccService;
const depot = defineTcc(methods, { reserve, move: charge });
const charging = {
  try: () => ({ chargeId: 'c', balance: 0 }),
  confirm: () => {},
  cancel: () => {},
};

/** Stands for a transaction of some library. */
interface Transaction {
  update(table: string): Promise<number>;
}

function withBarrier(server: Server, barrier: Barrier<Transaction>): void {
  const count = (): void => {};
  addTcc(
    server,
    [stock, payment],
    {
      reserve: {
        try: async (request, ctx) => {
          holds<Same<typeof ctx.db, Transaction>>();
          holds<Same<typeof ctx.tried, undefined>>();
          await ctx.db.update(request.sku);
          ctx.save({ row: 1n });
          // @ts-expect-error: the transaction has no such method
          seen(ctx.db.remove);
          return { reservationId: 'r' };
        },
        confirm: async (_request, ctx) => {
          holds<Same<typeof ctx.tried, ReserveReply>>();
          holds<Same<typeof ctx.saved, unknown>>();
          await ctx.db.update(ctx.tried.reservationId);
        },
        async cancel(_request, ctx) {
          // By default it is called only where a Try was observed.
          holds<Same<typeof ctx.tried, ReserveReply>>();
          await ctx.db.update(ctx.tried.reservationId);
        },
      },
      charge: {
        ...charging,
        cancelWhenTryUnknown: 'call',
        cancel: async (_request, ctx) => {
          holds<Same<typeof ctx.db, Transaction>>();
          // @ts-expect-error: there may have been no Try
          seen(ctx.tried.chargeId);
          seen(ctx.tried?.chargeId, ctx.tryObserved);
        },
      },
      count,
    },
    {
      barrier,
      // Options with functions of their own do not keep the type of `ctx.db` from being found.
      authorize: ({ metadata }) => metadata.get('a').length > 0,
      onError: (error, ctx) => seen(error, ctx.gid),
    },
  );
}

function calledInAnyCase(server: Server, barrier: Barrier<Transaction>): void {
  addTcc(
    server,
    depot,
    {
      reserve: {
        try: () => ({ reservationId: 'r' }),
        confirm: (_request, ctx) => {
          holds<Same<typeof ctx.tried, ReserveReply>>();
          seen(ctx);
        },
        cancel: (_request, ctx) => {
          holds<Same<typeof ctx.tried, ReserveReply | undefined>>();
          seen(ctx);
        },
      },
      move: {
        ...charging,
        // What the action says wins.
        cancelWhenTryUnknown: 'skip',
        cancel: (_request, ctx) => {
          holds<Same<typeof ctx.tried, ChargeReply>>();
          seen(ctx);
        },
      },
    },
    { barrier, cancelWhenTryUnknown: 'call' },
  );
}

/** Handlers and options that stand by themselves. */
function apart(server: Server, barrier: Barrier<Transaction>): void {
  const handlers: TccHandlers<typeof depot, Transaction> = {
    reserve: {
      try: (_request, { db }) => {
        seen(db.update('a'));
        return { reservationId: 'r' };
      },
      confirm: () => {},
      cancel: (_request, { tried }) => seen(tried.reservationId),
    },
    move: {
      ...charging,
      cancelWhenTryUnknown: 'call',
      // @ts-expect-error: there may have been no Try
      cancel: (_request, { tried }) => seen(tried.chargeId),
    },
  };
  const options: AddTccOptions<Transaction, 'skip'> = { barrier };
  addTcc(server, depot, handlers, options);
  // @ts-expect-error: these handlers need a transaction
  addTcc(server, depot, handlers, { barrier: true });
  // @ts-expect-error: that barrier gives another transaction
  addTcc(server, depot, handlers, { barrier: undefined as unknown as Barrier<string> });
  // @ts-expect-error: no such way
  addTcc(server, depot, handlers, { barrier, cancelWhenTryUnknown: 'never' });
}

function withoutBarrier(server: Server): void {
  const handlers = {
    try: () => ({ reservationId: 'r' }),
    confirm: () => {},
    // One that takes any context can be used with any barrier.
    cancel: (_request: unknown, ctx: CallContext) => seen(ctx.db),
  };
  addTcc(
    server,
    depot,
    {
      move: charging,
      reserve: {
        ...handlers,
        try: (_request, ctx) => {
          holds<Same<typeof ctx.db, undefined>>();
          // @ts-expect-error: nothing was opened
          seen(ctx.db.update);
          return { reservationId: 'r' };
        },
        confirm: (_request, ctx) => {
          holds<Same<typeof ctx.tried, undefined>>();
          seen(ctx);
        },
      },
    },
    { barrier: true },
  );
}

describe('types with a barrier', () => {
  it('are checked by the compiler; here only that the definitions also work', () => {
    const checks = [withBarrier, calledInAnyCase, apart, withoutBarrier];
    expect(new Set(checks.map((check) => typeof check))).toEqual(new Set(['function']));
    expect(Object.keys(depot.actions)).toEqual(['reserve', 'move']);
  });
});
