/** The transaction: one order over three services. This is the part that a shop writes. */
import {
  CoordinatorUnavailableError,
  type RunResult,
  type Tercet,
  TransactionCancelledError,
  TryRejectedError,
  TryUnknownError,
  grpcCode,
} from '@tercet/sdk';
import { type ServiceName, shipping, stock, wallet } from './definitions';
import { faultKey } from './faults';
import type { OrderMessage } from './messages';
import type { Order } from './shop';

/** Where the services are. */
export type Targets = Readonly<Record<ServiceName, string>>;

/** What the customer gets to keep. */
export interface Receipt {
  readonly reservationId: string;
  readonly holdId: string;
  readonly bookingId: string;
}

/** Places an order: goods, money and delivery, all three or none. */
export function placeOrder(
  tercet: Tercet,
  order: Order,
  targets: Targets,
): Promise<RunResult<Receipt>> {
  const options = {
    name: 'checkout',
    gid: order.id,
    labels: { customer: order.customer },
    // Until the decision, 15 s at most: time enough for a coordinator that is started again.
    timeout: '15s',
    // The customer hears of the decision at once; services that are slow to confirm do so without an audience.
    phaseTwoWaitMs: 100,
  } as const;
  return tercet.run(options, async (tx) => {
    const at = (service: ServiceName) => ({
      target: targets[service],
      metadata: faultFor(order, service),
    });
    const { sku, quantity, customer, cents, city, slot } = order;
    // Started together, the three branches become durable together, and their Tries run at the same time.
    const [reservation, hold, booking] = await tx.all([
      tx.use(stock, at('stock')).reserve({ sku, quantity }),
      tx.use(wallet, at('wallet')).hold({ customer, cents: BigInt(cents) }),
      tx.use(shipping, at('shipping')).book({ city, slot }),
    ]);
    // Returning asks for Commit; throwing rolls back. Either way every service hears the same.
    return {
      reservationId: reservation.reservationId,
      holdId: hold.holdId,
      bookingId: booking.bookingId,
    };
  });
}

/** Places an order and says in a line how it ended. Never rejects. */
export async function settleOrder(
  tercet: Tercet,
  order: Order,
  targets: Targets,
): Promise<OrderMessage> {
  const startedAt = Date.now();
  const message = (told: OrderMessage['told'], reason = ''): OrderMessage => {
    return { event: 'order', gid: order.id, told, reason, ms: Date.now() - startedAt };
  };
  try {
    const { status } = await untilAnswered(() => placeOrder(tercet, order, targets));
    return message(status);
  } catch (error) {
    if (error instanceof TransactionCancelledError) return message(error.status, reasonOf(error));
    return message('unknown', String(error));
  }
}

/**
 * The coordinator did not answer, so nobody here knows what became of the order. Running it again under the same gid
 * is safe: if the first run got through, the second one does no work and is told the first one's outcome.
 */
async function untilAnswered<T>(run: () => Promise<T>): Promise<T> {
  for (let runs = 1; ; runs++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof CoordinatorUnavailableError) || runs === 3) throw error;
    }
  }
}

/** For the customer: the first thing that failed. */
function reasonOf({ cause }: TransactionCancelledError): string {
  if (cause instanceof TryRejectedError) return `${nameOf(cause)}: ${cause.reason}`;
  if (!(cause instanceof TryUnknownError)) return String(cause);
  switch (cause.failure.grpcCode) {
    case grpcCode.DEADLINE_EXCEEDED:
      return `${nameOf(cause)}: no answer in time`;
    case grpcCode.UNAVAILABLE:
      return `${nameOf(cause)}: unreachable`;
    default:
      return `${nameOf(cause)}: ${cause.failure.message}`;
  }
}

/** `checkout.v1.StockTcc` → `stock`. */
function nameOf({ failure }: TryRejectedError | TryUnknownError): string {
  return failure.service.replace(/^.*\./, '').replace(/Tcc$/, '').toLowerCase();
}

/** Metadata of a Try is for what is not part of the order; here, for the trouble that the demo wants. */
function faultFor({ fault }: Order, service: ServiceName): Record<string, string> {
  return fault?.service === service ? { [faultKey]: fault.kind } : {};
}
