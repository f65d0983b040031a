import type { Gid, GlobalStatus, GlobalTransaction } from '@tercet/core';
import type { Store, TransactionSummary } from '../store';
import type { WholeTransaction } from './whole';

/** Transactions that are read at once. */
const PAGE = 100;

/** What is unfinished. */
export const openStatuses: readonly GlobalStatus[] = ['trying', 'confirming', 'cancelling'];

/** The rows of a store, page by page, in the order of its lists; nobody may write meanwhile. */
export async function* summaries(
  store: Store,
  statuses: readonly GlobalStatus[] = [],
): AsyncGenerator<readonly TransactionSummary[]> {
  const rest = { statuses, name: undefined, gidPrefix: undefined, limit: PAGE };
  let cursor: string | undefined;
  do {
    const page = await store.list({ ...rest, cursor });
    if (page.transactions.length > 0) yield page.transactions;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

/** These transactions, in this order; undefined = not kept. A row of a newer format rejects as `load` does. */
export async function loadAll(
  store: Store,
  gids: readonly Gid[],
): Promise<readonly (GlobalTransaction | undefined)[]> {
  const found = new Map((await store.loadMany(gids)).map((tx) => [tx.gid, tx]));
  const loaded: (GlobalTransaction | undefined)[] = [];
  for (const gid of gids) loaded.push(found.get(gid) ?? (await store.load(gid)));
  return loaded;
}

/** The same with their results. */
export async function loadWhole(
  store: Store,
  gids: readonly Gid[],
): Promise<readonly (WholeTransaction | undefined)[]> {
  const whole: (WholeTransaction | undefined)[] = [];
  for (const tx of await loadAll(store, gids)) {
    const kept = tx?.cause?.kind === 'commit' && tx.tombstone === undefined;
    const result = kept ? await store.loadResult(tx.gid) : undefined;
    whole.push(tx && { tx, result });
  }
  return whole;
}

/** Whether it keeps nothing at all. */
export async function isEmpty(store: Store): Promise<boolean> {
  for await (const page of summaries(store)) return page.length === 0;
  return true;
}
