import { randomBytes } from 'node:crypto';
import type { Random } from '@tercet/core';

/** The machine's randomness: `bytes` from the system's generator, `unit` (jitter only) from V8's. */
export const systemRandom: Random = {
  unit: () => Math.random(),
  bytes: (count) => randomBytes(count),
};
