/** What the shop starts from: the orders, and what the three services own when their databases are new. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ServiceName } from './definitions';

/** An order, one line of orders.json. */
export interface Order {
  /** Also the transaction's gid: running the same order twice is running it once. */
  readonly id: string;
  readonly customer: string;
  /** Article number. */
  readonly sku: string;
  readonly quantity: number;
  /** Price of the whole order. */
  readonly cents: number;
  readonly city: string;
  /** `morning` or `evening`. */
  readonly slot: string;
  /** Trouble that this order meets; most have none. */
  readonly fault?: Fault;
}

/** Trouble at one service. */
export interface Fault {
  readonly service: ServiceName;
  readonly kind: FaultKind;
}

/**
 * - `slow`: Try starts working only after the shop has given it up.
 * - `crash-after-try`: the process dies after Try is durable, before it is answered.
 * - `crash-before-confirm`: the process dies when it is asked to confirm.
 */
export type FaultKind = 'slow' | 'crash-after-try' | 'crash-before-confirm';

/** What the services own at first, opening.json. */
export interface Opening {
  /** Pieces on the shelf, by article number. */
  readonly stock: Readonly<Record<string, number>>;
  /** Cents, by customer number. */
  readonly balances: Readonly<Record<string, number>>;
  /** Delivery tours and the places on them. */
  readonly tours: readonly {
    readonly city: string;
    readonly slot: string;
    readonly places: number;
  }[];
}

/** Reads orders.json. */
export function loadOrders(): readonly Order[] {
  return read('orders.json') as readonly Order[];
}

/** Reads opening.json. */
export function loadOpening(): Opening {
  return read('opening.json') as Opening;
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(path.join(__dirname, '..', file), 'utf8'));
}
