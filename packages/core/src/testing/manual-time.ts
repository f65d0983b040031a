import type { Clock, Scheduler, Timer } from '../ports';

interface Planned {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

/** How many turns of the microtask queue count as "everything that is ready has run". */
const MICROTASK_TURNS = 50;

/**
 * A clock and a scheduler that stand still until `advance`. Work runs in the order of its time, promises that it
 * resolves run before later work: minutes of retries take milliseconds and every run is the same.
 */
export class ManualTime implements Clock, Scheduler {
  private readonly timers = new Set<Planned>();
  private ready: (() => void)[] = [];
  private order = 0;
  /** Distance of the wall clock from the monotonic time that timers count on. */
  private wallOffset = 0;

  /** @param time Unix ms at which the clock starts. */
  constructor(private time = 1_700_000_000_000) {}

  now(): number {
    return this.time + this.wallOffset;
  }

  after(delayMs: number, work: () => void): Timer {
    const planned = { at: this.time + Math.max(0, delayMs), order: this.order++, work };
    this.timers.add(planned);
    return { cancel: () => void this.timers.delete(planned) };
  }

  soon(work: () => void): void {
    this.ready.push(work);
  }

  /** How many timers are planned: a test that ends with some has leaked them. */
  get pending(): number {
    return this.timers.size + this.ready.length;
  }

  /** Moves the wall clock without moving any timer, as an operator or NTP does. */
  jump(ms: number): void {
    this.wallOffset += ms;
  }

  /** Lets everything that is ready run, without moving the time. */
  async settle(): Promise<void> {
    do {
      await this.turn();
      const ready = this.ready;
      this.ready = [];
      for (const work of ready) work();
      await this.turn();
    } while (this.ready.length > 0);
  }

  /** Moves the time by `ms`, running each timer at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await this.settle();
    for (let next = this.earliest(end); next !== undefined; next = this.earliest(end)) {
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.work();
      await this.settle();
    }
    this.time = end;
  }

  private async turn(): Promise<void> {
    for (let i = 0; i < MICROTASK_TURNS; i++) await Promise.resolve();
  }

  private earliest(end: number): Planned | undefined {
    let found: Planned | undefined;
    for (const timer of this.timers) {
      if (timer.at > end) continue;
      if (found === undefined || timer.at < found.at) found = timer;
      else if (timer.at === found.at && timer.order < found.order) found = timer;
    }
    return found;
  }
}
