import type { Scheduler } from '@tercet/core';

/** Longest delay that Node's timers take; longer ones would fire at once. */
const NODE_DELAY_MAX = 2_147_483_647;

/** The machine's timers. */
export const systemScheduler: Scheduler = {
  after(delayMs, work) {
    const timer = setTimeout(work, Math.min(Math.max(0, delayMs), NODE_DELAY_MAX));
    return { cancel: () => clearTimeout(timer) };
  },
  soon(work) {
    setImmediate(work);
  },
};
