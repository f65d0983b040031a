import type { Clock } from '@tercet/core';

/** The machine's wall clock. */
export const systemClock: Clock = { now: () => Date.now() };
