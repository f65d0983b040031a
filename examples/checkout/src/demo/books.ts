/** What the services' databases say when all is over, in one shape for all three. */
import { openDatabase } from '../database';
import { type ServiceName, serviceNames } from '../definitions';
import { type Order, loadOpening } from '../shop';

/** One article, customer or tour. */
export interface Account {
  readonly key: string;
  /** What was there at first. */
  readonly opening: number;
  /** What can still be had. */
  readonly free: number;
  /** Set aside, held, kept: by orders that are not over. */
  readonly frozen: number;
  /** Sold, taken, booked. */
  readonly gone: number;
}

/** A branch that a service's barrier knows. */
export interface KnownBranch {
  readonly gid: string;
  readonly state: 'tried' | 'confirmed' | 'cancelled';
  /** False: Cancel came without a Try and left its tombstone. */
  readonly tried: boolean;
}

/** The books of one service. */
export interface Books {
  readonly accounts: readonly Account[];
  readonly branches: readonly KnownBranch[];
}

/** Each branch has a row `try`, which a Cancel without a Try leaves as its tombstone, and at its end a row `end`. */
const branchQuery = `SELECT t.gid, t.op = 'try' AS tried,
    CASE e.op WHEN 'confirm' THEN 'confirmed' WHEN 'cancel' THEN 'cancelled' ELSE 'tried' END AS state
  FROM tercet_barrier t
  LEFT JOIN tercet_barrier e ON e.run_id = t.run_id AND e.branch = t.branch AND e.slot = 'end'
  WHERE t.slot = 'try'`;

const accountQueries: Readonly<Record<ServiceName, string>> = {
  stock: 'SELECT sku AS key, available AS free, reserved AS frozen, sold AS gone FROM article',
  wallet: 'SELECT customer AS key, balance AS free, held AS frozen, taken AS gone FROM account',
  shipping: "SELECT city || ' ' || slot AS key, free, kept AS frozen, booked AS gone FROM tour",
};

/** Reads the databases of all services. */
export async function readBooks(
  databases: Readonly<Record<ServiceName, string>>,
): Promise<Readonly<Record<ServiceName, Books>>> {
  const opening = openingOf();
  const entries = serviceNames.map(async (service) => {
    const db = await openDatabase(databases[service]);
    const accounts = db.prepare(accountQueries[service]).all() as unknown as Omit<
      Account,
      'opening'
    >[];
    const branches = db.prepare(branchQuery).all() as unknown as (Omit<KnownBranch, 'tried'> & {
      readonly tried: number;
    })[];
    db.close();
    const books: Books = {
      accounts: accounts.map((row) => ({ ...row, opening: opening[service].get(row.key) ?? 0 })),
      branches: branches.map((row) => ({ ...row, tried: row.tried === 1 })),
    };
    return [service, books] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<ServiceName, Books>;
}

/** What an order moves at a service when it is confirmed, and where. */
export function movementOf(
  service: ServiceName,
  order: Order,
): { readonly key: string; readonly amount: number } {
  switch (service) {
    case 'stock':
      return { key: order.sku, amount: order.quantity };
    case 'wallet':
      return { key: order.customer, amount: order.cents };
    case 'shipping':
      return { key: `${order.city} ${order.slot}`, amount: 1 };
  }
}

function openingOf(): Readonly<Record<ServiceName, ReadonlyMap<string, number>>> {
  const { stock, balances, tours } = loadOpening();
  return {
    stock: new Map(Object.entries(stock)),
    wallet: new Map(Object.entries(balances)),
    shipping: new Map(tours.map(({ city, slot, places }) => [`${city} ${slot}`, places])),
  };
}
