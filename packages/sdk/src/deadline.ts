import type { Clock } from '@tercet/core';

/** A point in time that work has to keep. */
export interface Deadline {
  /** Milliseconds left: never negative, and never more than there were, whatever the wall clock does. */
  leftMs(): number;
}

/** The point `ms` from now. */
export function deadlineIn(clock: Clock, ms: number): Deadline {
  const endsAt = clock.now() + ms;
  return { leftMs: () => Math.max(0, Math.min(ms, endsAt - clock.now())) };
}
