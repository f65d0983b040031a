import type { Random } from './ports';

/** Delays between attempts: full jitter under an exponential bound. */
export interface RetryPolicy {
  /** Bound of the first delay, milliseconds. */
  readonly firstDelayMs: number;
  /** Highest bound, milliseconds. */
  readonly maxDelayMs: number;
}

/** What a branch gets whose definition names no policy. */
export const defaultRetryPolicy: RetryPolicy = { firstDelayMs: 200, maxDelayMs: 60_000 };

/**
 * The delay after the `attempt`-th failed attempt (1, 2, …): uniform in [0, bound), the bound doubling from
 * `firstDelayMs` up to `maxDelayMs`. Full jitter spreads branches that failed together evenly, where a fixed or
 * half-random delay keeps them in waves (M. Brooker, "Exponential Backoff And Jitter", AWS, 2015).
 */
export function nextDelayMs(policy: RetryPolicy, attempt: number, random: Random): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 30);
  const bound = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** doublings);
  return Math.floor(random.unit() * bound);
}

/**
 * The delay after a failure that time alone rarely mends (an unknown method, wrong credentials): between half of
 * `maxDelayMs` and all of it, from the first attempt on.
 */
export function slowDelayMs(policy: RetryPolicy, random: Random): number {
  return Math.floor(policy.maxDelayMs * (0.5 + random.unit() / 2));
}
