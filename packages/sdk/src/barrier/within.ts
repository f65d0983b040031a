/** Waiting with an end. */
import type { Scheduler } from '@tercet/core';

/** How long is waited. */
export interface Bound {
  readonly scheduler: Scheduler;
  readonly ms: number;
}

/**
 * What `work` comes to within the bound, or undefined. What it comes to later is given to `late`; a late rejection is dropped.
 * Rejects with what `work` rejects with in time.
 */
export function within<T>(
  { scheduler, ms }: Bound,
  work: Promise<T>,
  late: (value: T) => void = () => undefined,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = scheduler.after(ms, () => {
      isOver = true;
      resolve(undefined);
    });
    work.then(
      (value) => {
        timer.cancel();
        if (isOver) late(value);
        else resolve(value);
      },
      (error: Error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
