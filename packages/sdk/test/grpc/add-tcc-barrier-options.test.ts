/** What `addTcc` refuses of a barrier and what goes with it, and what handlers without one are told. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Server } from '@grpc/grpc-js';
import { ConfigError, type TccDefinition, type TccService, addTcc, defineTcc } from '@tercet/sdk';
import { type Peer, callReserve } from '../support/grpc-peer';
import { MemoryBarrier } from '../support/memory-barrier';
import { depot, reserve, startShop } from '../support/shop-participant';
import { DepotTccService, ShopTccService } from '../support/shop-service';

const { reserveTry, reserveConfirm, reserveCancel } = ShopTccService;
const stock = defineTcc({ reserveTry, reserveConfirm, reserveCancel }, { reserve });
const handlers = {
  try: () => ({ reservationId: 'r' }),
  confirm: () => {},
  cancel: () => {},
};

/** As callers in plain JavaScript do. */
function add(definition: unknown, actions: unknown, options: unknown, server = new Server()) {
  const untyped = addTcc as (...args: readonly unknown[]) => TccService;
  return untyped(server, definition, actions, options);
}

const reserving = { reserve: handlers };

describe('addTcc with a barrier', () => {
  it.each<readonly [string, unknown, unknown, string | RegExp]>([
    [
      'a pool in its place',
      reserving,
      { barrier: {} },
      /barrier must be true, false, or a barrier/,
    ],
    ['a promise of one', reserving, { barrier: Promise.resolve() }, /barrier .* got an object/],
    ['a text', reserving, { barrier: 'knex' }, /barrier such as sqliteBarrier\(db\) .* got "knex"/],
    [
      'a way that does not exist',
      reserving,
      { barrier: new MemoryBarrier(), cancelWhenTryUnknown: 'never' },
      "addTcc: cancelWhenTryUnknown of the options must be 'skip' or 'call', got \"never\"",
    ],
    [
      'a way of an action that does not exist',
      { reserve: { ...handlers, cancelWhenTryUnknown: true } },
      { barrier: new MemoryBarrier() },
      "addTcc: cancelWhenTryUnknown of the handlers of reserve (shop.ShopTcc) must be 'skip' or 'call', got true",
    ],
    [
      'a way without one that could know',
      reserving,
      { barrier: true, cancelWhenTryUnknown: 'call' },
      /cancelWhenTryUnknown of the options needs a barrier that knows what was tried/,
    ],
    [
      'a way of an action without one',
      { reserve: { ...handlers, cancelWhenTryUnknown: 'skip' } },
      {},
      /cancelWhenTryUnknown of the handlers of reserve \(shop\.ShopTcc\) needs a barrier/,
    ],
  ])('refuses %s', (_what, actions, options, message) => {
    expect(() => add(stock, actions, options)).toThrow(ConfigError);
    expect(() => add(stock, actions, options)).toThrow(message);
  });

  it('refuses two services of a server with the same action that share it, and names both', () => {
    const server = new Server();
    const barrier = new MemoryBarrier();
    add(stock, reserving, { barrier }, server);
    expect(() => add(depot, reserving, { barrier }, server)).toThrow(
      'addTcc: shop.DepotTcc and shop.ShopTcc both have an action reserve, and share the barrier memory on one server; give one of them another name in defineTcc, for example reserve-DepotTcc',
    );
    // Nothing of the refused one has stayed.
    const renamed = defineTcc(DepotTccService, { move: reserve }) as TccDefinition;
    add(renamed, { move: handlers }, { barrier }, server);
  });

  it('lets services with the same action have barriers of their own, or servers of their own', () => {
    const server = new Server();
    const barrier = new MemoryBarrier();
    add(stock, reserving, { barrier }, server);
    add(depot, reserving, { barrier: new MemoryBarrier() }, server);
    add(depot, reserving, { barrier });
  });
});

describe('without a barrier', () => {
  let peer: Peer | undefined;

  afterEach(async () => {
    await peer?.stop();
    peer = undefined;
  });

  it.each(['tried', 'saved', 'save', 'tryObserved'] as const)(
    'ctx.%s says what it needs; ctx.db is undefined',
    async (name) => {
      const seen: unknown[] = [];
      const look = (_request: unknown, ctx: { readonly db: unknown }): unknown => {
        seen.push(ctx.db);
        return Reflect.get(ctx, name);
      };
      peer = await startShop({ try: look, cancel: look }, { barrier: true });
      for (const phase of ['try', 'cancel'] as const) {
        expect((await callReserve(peer, phase)).message).toBe(
          `ctx.${name}: only handlers of a participant with a barrier have it: addTcc(server, definition, handlers, { barrier: sqliteBarrier(db) }), for example`,
        );
      }
      expect(seen).toEqual([undefined, undefined]);
    },
  );

  it('ready resolves at once', async () => {
    const { service, ...shop } = await startShop({});
    peer = shop;
    await service.ready();
  });
});
