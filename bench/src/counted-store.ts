import type { Store } from '@tercet/coordinator';

/** What a store was given to write. */
export interface WriteCounts {
  /** Durable commits. */
  commits: number;
  /** Operations in them. */
  operations: number;
}

/** Counts from now on what is written to `store`. */
export function countWrites(store: Store): WriteCounts {
  const counts: WriteCounts = { commits: 0, operations: 0 };
  const write = store.write.bind(store);
  store.write = (batch) => {
    counts.commits += 1;
    counts.operations += batch.length;
    return write(batch);
  };
  return counts;
}
