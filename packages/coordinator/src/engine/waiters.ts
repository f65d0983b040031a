import {
  type CallSignal,
  type Fact,
  type GlobalTransaction,
  type Scheduler,
  factReached,
  holds,
} from '@tercet/core';

/** How long and until what to wait. */
export interface WaitOptions {
  /** Ends the wait as soon as it holds. */
  readonly fact: Fact;
  /** Longest wait, milliseconds; 0 = do not wait. */
  readonly timeoutMs: number;
  /** Ends the wait early: the client is gone. */
  readonly signal?: CallSignal | undefined;
}

interface Waiter {
  readonly fact: Fact;
  readonly end: (tx?: GlobalTransaction) => void;
}

/** Those who wait for a fact of one transaction. Each wait ends exactly once and leaves no timer behind. */
export class Waiters {
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly scheduler: Scheduler) {}

  /** How many wait. */
  get size(): number {
    return this.waiters.size;
  }

  /**
   * Resolves with the transaction when the fact holds, with undefined when the time is up, the signal fires or everybody is
   * released.
   */
  wait(options: WaitOptions): Promise<GlobalTransaction | undefined> {
    const { fact, timeoutMs, signal } = options;
    if (timeoutMs <= 0 || signal?.aborted === true) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const end = (tx?: GlobalTransaction): void => {
        if (!this.waiters.delete(waiter)) return;
        timer.cancel();
        signal?.removeEventListener('abort', giveUp);
        resolve(tx);
      };
      const giveUp = (): void => end();
      const waiter = { fact, end };
      this.waiters.add(waiter);
      const timer = this.scheduler.after(timeoutMs, giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Ends the waits whose fact holds now. */
  notify(tx: GlobalTransaction): void {
    if (this.waiters.size === 0) return;
    const reached = factReached(tx);
    for (const waiter of [...this.waiters]) {
      if (holds(reached, waiter.fact)) waiter.end(tx);
    }
  }

  /** Ends all waits. */
  release(): void {
    for (const waiter of [...this.waiters]) waiter.end();
  }
}
