/** A participant with a barrier in memory, on a real gRPC server, and both ways to call it. */
import {
  type AddTccOptions,
  type CancelWhenTryUnknown,
  type TccHandlers,
  type TccService,
  addTcc,
  defineTcc,
} from '@tercet/sdk';
import { type Caller, bothCallers } from './both-transports';
import { type Peer, startPeer } from './grpc-peer';
import { MemoryBarrier, type MemoryDb } from './memory-barrier';
import { reserve } from './shop-participant';
import { type ReserveReply, type ReserveRequest, ShopTccService } from './shop-service';

const { reserveTry, reserveConfirm, reserveCancel } = ShopTccService;
/** The shop's action `reserve`, as a service of its own. */
export const guarded = defineTcc({ reserveTry, reserveConfirm, reserveCancel }, { reserve });

/** Handlers of `reserve`, and what goes with them. */
export type ReserveHandlers = TccHandlers<typeof guarded, MemoryDb>['reserve'];

/** A running participant. */
export interface GuardedShop {
  readonly barrier: MemoryBarrier;
  readonly service: TccService;
  readonly caller: Caller;
  readonly peer: Peer;
  /** What `onError` heard. */
  readonly errors: unknown[];
  stop(): Promise<void>;
}

/** Counts in `db`: Try takes `quantity` of `stock` to `held`, Confirm to `sold`, Cancel back. */
export const counting: ReserveHandlers = {
  try({ sku, quantity }: ReserveRequest, { db }): ReserveReply {
    db.add('stock', -quantity);
    db.add('held', quantity);
    return { reservationId: `r-${sku}` };
  },
  confirm({ quantity }, { db }) {
    db.add('held', -quantity);
    db.add('sold', quantity);
  },
  cancel({ quantity }, { db }) {
    db.add('held', -quantity);
    db.add('stock', quantity);
  },
};

/** Starts one, to be called by one transport. */
export async function aGuardedShop(
  transport: Caller['name'],
  handlers: Partial<ReserveHandlers> = {},
  options: AddTccOptions<MemoryDb, CancelWhenTryUnknown> = {},
): Promise<GuardedShop> {
  const barrier = new MemoryBarrier();
  const errors: unknown[] = [];
  let service: TccService | undefined;
  const peer = await startPeer((server) => {
    const all = { reserve: { ...counting, ...handlers } as never };
    const heard = (error: unknown): unknown => errors.push(error);
    service = addTcc(server, guarded, all, { barrier, onError: heard, ...options });
  });
  if (service === undefined) throw new Error('startPeer added no service');
  // Both are opened and closed, whichever is used: the channel is the peer's.
  const callers = bothCallers(peer);
  const caller = callers.find(({ name }) => name === transport);
  if (caller === undefined) throw new Error(`nobody calls by ${transport}`);
  const stop = async (): Promise<void> => {
    for (const each of callers) each.close();
    await peer.stop();
  };
  return { barrier, service, caller, peer, errors, stop };
}
