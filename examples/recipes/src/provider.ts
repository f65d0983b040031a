/** The payment provider as our code sees it: an API over the network, with idempotency keys. */

/** What a provider offers. Every call may be repeated with its key. */
export interface PaymentProvider {
  /** Holds money on a card. Throws CardRefusedError where the card does not have it. */
  hold(key: string, hold: { readonly card: string; readonly cents: bigint }): Promise<string>;
  /** Takes money that is held. */
  capture(key: string, holdId: string): Promise<void>;
  /** Lets go what was held with `holdKey`; does nothing where nothing was, and keeps a later hold with that key out. */
  release(key: string, holdKey: string): Promise<void>;
}

/** The provider's definite no. Anything else that it throws leaves open what happened. */
export class CardRefusedError extends Error {
  override readonly name = 'CardRefusedError';
}
