/** A participant of the shop service on a real gRPC server: a test gives what its handlers of `reserve` do. */
import type { Server, ServerOptions } from '@grpc/grpc-js';
import {
  type AddTccOptions,
  type CallContext,
  type TccService,
  addTcc,
  defineTcc,
} from '@tercet/sdk';
import { type Peer, startPeer } from './grpc-peer';
import { DepotTccService, type ReserveRequest, ShopTccService } from './shop-service';

/** Names of the methods of `reserve`. */
export const reserve = {
  try: 'reserveTry',
  confirm: 'reserveConfirm',
  cancel: 'reserveCancel',
} as const;
/** Names of the methods of `charge`. */
export const charge = {
  try: 'chargeTry',
  confirm: 'chargeConfirm',
  cancel: 'chargeCancel',
} as const;
export const stock = defineTcc(ShopTccService, { reserve });
export const payment = defineTcc(ShopTccService, { charge });
export const depot = defineTcc(DepotTccService, { reserve });

/** Handlers of `charge` that always succeed. */
export const charging = {
  try: () => ({ chargeId: 'c', balance: 1 }),
  confirm: () => {},
  cancel: () => {},
};

/** A plain handler of the method that belongs to no action. */
export const count = (
  _call: unknown,
  callback: (error: null, reply: { count: number }) => void,
): void => callback(null, { count: 3 });

export type Handler = (request: { sku: string; quantity: number }, ctx: CallContext) => unknown;

/** What `reserve` does besides answering; nothing = it just answers. */
export interface Handlers {
  readonly try?: Handler;
  readonly confirm?: Handler;
  readonly cancel?: Handler;
}

/** A running participant. */
export interface ShopParticipant extends Peer {
  readonly service: TccService;
}

/** Starts one. Its Try answers `r-<sku>`. */
export async function startShop(
  handlers: Handlers,
  options: AddTccOptions = {},
  server: ServerOptions = {},
): Promise<ShopParticipant> {
  let service: TccService | undefined;
  const peer = await startPeer((grpcServer) => {
    service = addShop(grpcServer, handlers, options);
  }, server);
  if (service === undefined) throw new Error('startPeer added no service');
  return { ...peer, service };
}

/** Adds the shop to a server. Its Try answers `r-<sku>`. */
export function addShop(
  server: Server,
  handlers: Handlers = {},
  options: AddTccOptions = {},
): TccService {
  const reserve = reserving(handlers);
  return addTcc(server, [stock, payment], { reserve, charge: charging, count }, options);
}

/** Adds a second service to a server, with the one action `reserve` of the same shape. */
export function addDepot(
  server: Server,
  handlers: Handlers = {},
  options: AddTccOptions = {},
): TccService {
  return addTcc(server, depot, { reserve: reserving(handlers) }, options);
}

function reserving(handlers: Handlers) {
  return {
    try: async (request: ReserveRequest, ctx: CallContext) => {
      await handlers.try?.(request, ctx);
      return { reservationId: `r-${request.sku}` };
    },
    confirm: async (request: ReserveRequest, ctx: CallContext) =>
      void (await handlers.confirm?.(request, ctx)),
    cancel: async (request: ReserveRequest, ctx: CallContext) =>
      void (await handlers.cancel?.(request, ctx)),
  };
}

/** A handler that throws. */
export function throwing(error: unknown): Handler {
  return () => {
    throw error;
  };
}
