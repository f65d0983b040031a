import { systemScheduler } from '@tercet/runtime';

/** Waits; not at all for 0. */
export function pause(ms: number): Promise<void> {
  return ms === 0
    ? Promise.resolve()
    : new Promise((resolve) => void systemScheduler.after(ms, resolve));
}
