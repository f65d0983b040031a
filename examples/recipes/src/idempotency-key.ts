/**
 * Recipe: an idempotency key for a service that is not in our database.
 *
 * The barrier makes what stands in the local transaction happen once. A payment provider does not stand in it: its answer
 * may get lost, a deadlock may run the handler again, and then the same charge is asked for twice. Providers know that and
 * take a key: the same key is the same charge. It must be the same for every repetition of one piece of work, and another
 * one for all other work: so it is made of what names the work, never of randomness or time.
 */
import { createHash } from 'node:crypto';

/** What is done at the provider, in a word: part of the key. */
export type Operation = 'hold' | 'capture' | 'release';

/**
 * `sha256(orderId:op)`, 64 hex digits. The same order and operation give the same key, in every process, for ever. `orderId`
 * is whatever names the work: the order's number where an order is charged once, run and branch id in a handler (charge.ts).
 */
export function idempotencyKey(orderId: string, op: Operation): string {
  return createHash('sha256').update(`${orderId}:${op}`).digest('hex');
}
