/**
 * The clock and the timers of a test: they stand still until somebody moves them.
 *
 * V1 Work runs in the order of its time, and among equal times in the order in which it was planned.
 * V2 What is due now runs by itself, in a later turn of the event loop; nobody has to move the time for it. So does
 *    `soon`.
 * V3 `changes` grows with everything that is planned, taken back or run: who sees it stand still for a few turns knows
 *    that nothing here is on its way.
 */
import type { Clock, Scheduler, Timer } from '@tercet/core';
import { type Planned, TimerLine } from './timer-line';

/** Clock and timers that stand still. */
export class VirtualTime implements Clock, Scheduler {
  /** V3. */
  changes = 0;
  private readonly line = new TimerLine();
  private order = 0;
  private ready = 0;

  /** @param time Unix ms at which it starts. @param real Turns of the event loop come from it. */
  constructor(
    private time: number,
    private readonly real: Pick<Scheduler, 'soon'>,
  ) {}

  now(): number {
    return this.time;
  }

  after(delayMs: number, work: () => void): Timer {
    const planned: Planned = { at: this.time + Math.max(0, delayMs), order: this.order++, work };
    this.line.add(planned);
    this.changes++;
    if (planned.at <= this.time) this.soon(() => this.runDue());
    return {
      cancel: () => {
        this.changes++;
        this.line.takeBack(planned);
      },
    };
  }

  soon(work: () => void): void {
    this.ready++;
    this.changes++;
    this.real.soon(() => {
      this.ready--;
      this.changes++;
      work();
    });
  }

  /** Whether something is about to run by itself (V2). */
  get busy(): boolean {
    return this.ready > 0;
  }

  /** How many timers are planned. */
  get planned(): number {
    return this.line.size;
  }

  /** When the next timer is due; undefined = none is planned. */
  get nextAt(): number | undefined {
    return this.line.next?.at;
  }

  /** Moves the time to the next timer and runs it. */
  runNext(): void {
    const { nextAt } = this;
    if (nextAt === undefined) return;
    this.time = Math.max(this.time, nextAt);
    this.changes++;
    this.line.shift()?.();
  }

  /** Moves the time forward. To be called when no timer is planned before `at`. */
  moveTo(at: number): void {
    this.time = Math.max(this.time, at);
  }

  /** Takes back all timers. */
  clear(): void {
    this.line.clear();
  }

  private runDue(): void {
    while (this.nextAt !== undefined && this.nextAt <= this.time) this.runNext();
  }
}
