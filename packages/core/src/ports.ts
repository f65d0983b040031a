/**
 * What the pure code and the engine need from outside. Only `@tercet/runtime` implements these with the
 * machine's own clock, timers and randomness; tests use `@tercet/core/testing`.
 */

/** Time as the process sees it. */
export interface Clock {
  /** Wall clock, whole Unix milliseconds. May jump; used for what is stored and shown. */
  now(): number;
}

/** A planned call that can be taken back. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Runs work later. Delays count on a monotonic clock: a jump of the wall clock moves no timer. */
export interface Scheduler {
  /** Runs `work` once, `delayMs` (≥ 0) from now. It keeps the process alive until it ran or was cancelled. */
  after(delayMs: number, work: () => void): Timer;
  /** Runs `work` after everything that is ready in this turn of the event loop has been handled. */
  soon(work: () => void): void;
}

/** Source of randomness. */
export interface Random {
  /** A number in [0, 1). */
  unit(): number;
  /** `count` random bytes, unpredictable where the adapter is the system's. */
  bytes(count: number): Uint8Array;
}
