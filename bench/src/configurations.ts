/**
 * What is measured: from one base (everything on streams, SQLite, 64 concurrent, 2 branches, until executed) one
 * dimension is varied at a time, and beside it stands what the published figures need.
 */

/**
 * What runs.
 * - `bare`: the Try calls alone, unary, no coordinator: what a service would do without Tercet.
 * - `bare-stream`: the Try calls alone on Deliver, no coordinator.
 * - `unary`: a whole transaction, every message an ordinary call.
 * - `try-unary`: Try as an ordinary call, everything else on streams.
 * - `streams`: everything on streams.
 */
export type Variant = 'bare' | 'bare-stream' | 'unary' | 'try-unary' | 'streams';
/** Servers that a run may start, by the word that `--stores` knows. */
export const serverKinds = ['mariadb', 'postgres'] as const;
/** A server that keeps transactions. */
export type ServerStore = (typeof serverKinds)[number];
/** Where the coordinator keeps transactions. */
export type StoreKind = 'memory' | 'sqlite' | ServerStore;
/** What the caller waits for: the durable decision, or every Confirm's answer, too. */
export type Until = 'decided' | 'executed';

/** One row of the table. What a bare variant does not have is null. */
export interface Configuration {
  readonly variant: Variant;
  readonly store: StoreKind | null;
  /** Transactions under way at a time. */
  readonly concurrency: number;
  readonly branches: number;
  readonly until: Until | null;
}

/** The row from which the others are varied. */
export const base = {
  variant: 'streams',
  store: 'sqlite',
  concurrency: 64,
  branches: 2,
  until: 'executed',
} as const satisfies Configuration;

/** Concurrent transactions of the published figures. */
export const CONCURRENT_MANY = 256;

/** The Try calls alone, as many at a time as the transactions they are compared with. */
export function bareLike({ concurrency, branches }: Configuration): Configuration {
  return { variant: 'bare', store: null, concurrency, branches, until: null };
}

/** Rows of a full run. What is compared stands side by side, so that it is measured close together. */
export const allConfigurations: readonly Configuration[] = [
  bareLike(base),
  base,
  { ...bareLike(base), variant: 'bare-stream' },
  { ...base, variant: 'try-unary' },
  { ...base, variant: 'unary' },
  { ...base, variant: 'unary', until: 'decided' },
  { ...base, until: 'decided' },
  { ...base, store: 'memory' },
  bareLike({ ...base, concurrency: 1 }),
  { ...base, concurrency: 1 },
  { ...base, concurrency: 1, until: 'decided' },
  // The same without a durable commit, and a stream's round trip alone: what is left of a single transaction's time.
  { ...base, store: 'memory', concurrency: 1, until: 'decided' },
  { ...bareLike({ ...base, concurrency: 1 }), variant: 'bare-stream' },
  bareLike({ ...base, concurrency: CONCURRENT_MANY }),
  { ...base, concurrency: CONCURRENT_MANY },
  bareLike({ ...base, branches: 4 }),
  { ...base, branches: 4 },
  bareLike({ ...base, branches: 16 }),
  { ...base, branches: 16 },
];

/** Rows of a quick run: each variant and each store once. */
export const quickConfigurations: readonly Configuration[] = [
  bareLike(base),
  base,
  { ...bareLike(base), variant: 'bare-stream' },
  { ...base, variant: 'try-unary' },
  { ...base, variant: 'unary' },
  { ...base, store: 'memory' },
];

/** Rows of a store on a server: everything on streams, 64 and 256 concurrent, each beside its bare calls. */
export function serverConfigurations(stores: readonly ServerStore[]): readonly Configuration[] {
  if (stores.length === 0) return [];
  return [base, { ...base, concurrency: CONCURRENT_MANY }].flatMap((like) => [
    bareLike(like),
    ...stores.map((store) => ({ ...like, store })),
  ]);
}

/** The same with rows of stores on servers, each behind the row of SQLite that it is varied from. */
export function withServers(
  configurations: readonly Configuration[],
  stores: readonly ServerStore[],
): readonly Configuration[] {
  const varied = [base, { ...base, concurrency: CONCURRENT_MANY }];
  return configurations.flatMap((one) =>
    varied.some((other) => isSame(one, other))
      ? [one, ...stores.map((store) => ({ ...one, store }))]
      : [one],
  );
}

/** Whether a store is on a server. */
export function isServerStore(store: StoreKind | null): store is ServerStore {
  return serverKinds.some((kind) => kind === store);
}

/** `streams sqlite 64 2 executed`; what a variant does not have is left out. */
export function nameOf(configuration: Configuration): string {
  const { variant, store, concurrency, branches, until } = configuration;
  const words = [variant, store, concurrency, branches, until];
  return words.filter((word) => word !== null).join(' ');
}

/** Whether two configurations are the same row. */
export function isSame(one: Configuration, other: Configuration): boolean {
  return nameOf(one) === nameOf(other);
}
