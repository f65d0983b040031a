import type { Store } from '@tercet/coordinator';

/** What a store was given to write. */
export interface WriteCounts {
  /** Durable commits. */
  commits: number;
  /** Operations in them. */
  operations: number;
  /** Transactions that retention has made tombstones of. */
  expired: number;
  /** Tombstones that it has removed. */
  forgotten: number;
}

/** Counts from now on what is written to `store`. */
export function countWrites(store: Store): WriteCounts {
  const counts: WriteCounts = { commits: 0, operations: 0, expired: 0, forgotten: 0 };
  const write = store.write.bind(store);
  store.write = (batch) => {
    counts.commits += 1;
    counts.operations += batch.length;
    return write(batch);
  };
  const expire = store.expire.bind(store);
  store.expire = async (query) => {
    const step = await expire(query);
    counts.expired += step.expired;
    counts.forgotten += step.forgotten;
    return step;
  };
  return counts;
}
