import type { Scheduler, Timer } from '@tercet/core';

/** Timers that can all be taken back at once, so that an owner leaves none behind. */
export class TimerSet {
  private readonly timers = new Set<Timer>();
  private closed = false;

  constructor(private readonly scheduler: Scheduler) {}

  /** Runs `work` once, `delayMs` from now, unless `close` comes first. */
  after(delayMs: number, work: () => void): void {
    if (this.closed) return;
    const timer = this.scheduler.after(delayMs, () => {
      this.timers.delete(timer);
      work();
    });
    this.timers.add(timer);
  }

  /** Takes all timers back, and those that work still under way will ask for. */
  close(): void {
    this.closed = true;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }
}
