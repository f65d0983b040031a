/**
 * Keeps a Try that comes after its Cancel out, in this process's memory: for participants without a barrier.
 *
 * F1 From the arrival of a branch's Cancel on no Try of it starts here.
 * F2 Cancel's handler starts after every Try of the branch that was running has ended, whoever still waits for it.
 * F3 A key is kept until the Try's `notAfter` and the greatest clock difference are over: later Tries are refused
 *    by their time alone.
 *    A `notAfter` further off than a transaction can last is cut: it must not fill the memory for ever.
 * F4 Where the memory is full, the Cancel is refused and comes again; a key is never dropped early.
 */
import { CLOCK_SKEW_MS_DEFAULT, type Clock, ReleasingMap, limits } from '@tercet/core';

/** How often keys that are over are looked for, at most. */
const SWEEP_EVERY_MS = 1_000;

interface Entry {
  /** Tries whose handler has not ended. */
  running: number;
  /** Unix ms; undefined = no Cancel has come. */
  forgetAt: number | undefined;
  /** Cancels that wait for the running Tries. */
  waiting: (() => void)[];
}

/** The fence of one service. */
export class Fence {
  private readonly entries = new ReleasingMap<string, Entry>();
  private nextSweepAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly keysMax: number,
  ) {}

  /** How many branches are remembered or running. */
  get size(): number {
    return this.entries.size;
  }

  /** Lets a Try start, or not. A Try that started must `leaveTry`. */
  enterTry(key: string): boolean {
    this.sweep();
    const entry = this.entries.get(key);
    if (entry?.forgetAt !== undefined) return false;
    if (entry === undefined)
      this.entries.set(key, { running: 1, forgetAt: undefined, waiting: [] });
    else entry.running += 1;
    return true;
  }

  /** A Try's handler has ended. */
  leaveTry(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    entry.running -= 1;
    if (entry.running > 0) return;
    for (const go of entry.waiting.splice(0)) go();
    if (entry.forgetAt === undefined) this.entries.delete(key);
  }

  /** Resolves when Cancel's handler may start. False = the memory is full. */
  async enterCancel(key: string, notAfter: number): Promise<boolean> {
    this.sweep();
    const entry = this.entries.get(key) ?? { running: 0, forgetAt: undefined, waiting: [] };
    const now = this.clock.now();
    const forgetAt = Math.min(notAfter, now + limits.timeoutMsMax) + CLOCK_SKEW_MS_DEFAULT;
    if (!this.entries.has(key)) {
      // No Try of it can start any more: there is nothing to remember.
      if (forgetAt < now) return true;
      if (this.entries.size >= this.keysMax) return false;
      this.entries.set(key, entry);
    }
    entry.forgetAt = Math.max(entry.forgetAt ?? 0, forgetAt);
    if (entry.running === 0) return true;
    await new Promise<void>((resolve) => entry.waiting.push(resolve));
    return true;
  }

  private sweep(): void {
    const now = this.clock.now();
    if (now < this.nextSweepAt) return;
    this.nextSweepAt = now + SWEEP_EVERY_MS;
    for (const key of this.entries.keys()) {
      const { running = 0, forgetAt } = this.entries.get(key) ?? {};
      if (running === 0 && forgetAt !== undefined && forgetAt < now) this.entries.delete(key);
    }
  }
}
