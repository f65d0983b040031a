/**
 * The contract between the shop and its three services: which methods are Try, Confirm and Cancel of one action, and
 * how they are called. Both sides import this file; a wrong method name does not compile.
 */
import { type TccOptions, defineTcc } from '@tercet/sdk';
import { ShippingTccService } from './gen/checkout/v1/shipping';
import { StockTccService } from './gen/checkout/v1/stock';
import { WalletTccService } from './gen/checkout/v1/wallet';

/** Short times, because the demo takes seconds; the defaults suit services that are down for minutes. */
const options = {
  // Where one second is not enough, the order is cancelled and the customer may try again.
  deadlines: { try: '1s', confirm: '2s', cancel: '2s' },
  // Confirm and Cancel are repeated until they are answered, at least once a second.
  retry: { firstDelay: '200ms', maxDelay: '1s' },
  // A branch still unanswered two seconds after the decision is shown by `tercet stuck`.
  stuckAfter: '2s',
  // All three services have a barrier: a late Try is kept out, so Cancel need not wait until none can come any more.
  barrier: true,
} as const satisfies TccOptions;

/** The warehouse. */
export const stock = defineTcc(
  StockTccService,
  { reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } },
  options,
);

/** The customers' money. */
export const wallet = defineTcc(
  WalletTccService,
  { hold: { try: 'holdTry', confirm: 'holdConfirm', cancel: 'holdCancel' } },
  options,
);

/** The carrier. */
export const shipping = defineTcc(
  ShippingTccService,
  { book: { try: 'bookTry', confirm: 'bookConfirm', cancel: 'bookCancel' } },
  options,
);

/** Name of a service of this example. */
export type ServiceName = 'stock' | 'wallet' | 'shipping';

/** All services, in the order in which tables list them. */
export const serviceNames = [
  'stock',
  'wallet',
  'shipping',
] as const satisfies readonly ServiceName[];
