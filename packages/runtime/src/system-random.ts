import { randomFillSync } from 'node:crypto';
import type { Random } from '@tercet/core';

/** Bytes that are drawn at a time. Drawing costs 3 µs however few they are, and each run needs two ids. */
const POOL_BYTES = 4_096;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** The machine's randomness: `bytes` from the system's generator, `unit` (jitter only) from V8's. */
export const systemRandom: Random = {
  unit: () => Math.random(),
  bytes: (count) => {
    if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
    if (used + count > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    used += count;
    // A copy, and nothing is left behind: whoever reads memory later finds no id that was given out.
    const drawn = pool.slice(used - count, used);
    pool.fill(0, used - count, used);
    return drawn;
  },
};
