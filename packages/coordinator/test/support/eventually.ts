import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 10;

/** Repeats `check` until it passes; when the time is up it fails as `check` did last. */
export async function eventually(
  check: () => Promise<void> | void,
  withinMs = 4_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= end) throw error;
    }
    await sleep(PAUSE_MS);
  }
}
