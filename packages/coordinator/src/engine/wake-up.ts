import type { Scheduler, Timer } from '@tercet/core';

/** At most one timer, and what it is for, so that nobody plans again what is planned. */
export class WakeUp<Purpose extends string> {
  private planned: { readonly purpose: Purpose; readonly timer: Timer } | undefined;

  constructor(private readonly scheduler: Scheduler) {}

  /** What the timer is for; undefined when there is none. */
  get purpose(): Purpose | undefined {
    return this.planned?.purpose;
  }

  /** Runs `work` once, `delayMs` from now; takes an earlier plan back. */
  after(delayMs: number, purpose: Purpose, work: () => void): void {
    this.stop();
    const timer = this.scheduler.after(delayMs, () => {
      this.planned = undefined;
      work();
    });
    this.planned = { purpose, timer };
  }

  /** Takes the plan back. */
  stop(): void {
    this.planned?.timer.cancel();
    this.planned = undefined;
  }
}
