/**
 * Lets virtual time pass.
 *
 * F1 Between two timers everything that is under way comes to rest: what runs by itself, and work of real time.
 * F2 One passes it at a time; the second one is told so.
 * F3 Virtual time never passes by itself.
 */
import { ConfigError } from '@tercet/sdk';
import type { RealTime, UnderWay } from './under-way';
import type { VirtualTime } from './virtual-time';

/** Turns of the event loop without any change after which nothing is on its way. */
const QUIET_TURNS = 2;
/** Real pause between two looks at something that nobody tells the end of. */
const LOOK_MS = 1;

/** What it needs. */
export interface FlowDeps {
  readonly time: VirtualTime;
  readonly underWay: UnderWay;
  readonly real: RealTime;
  /** Called before time passes on somebody's wish; throws what is wrong with the test. */
  readonly check: () => void;
}

/** The one who moves the time. */
export class Flow {
  private passing: string | undefined;

  constructor(private readonly deps: FlowDeps) {}

  /** Whether somebody lets time pass. */
  get active(): boolean {
    return this.passing !== undefined;
  }

  /** Resolves when nothing moves any more without time (F1). */
  async settle(): Promise<void> {
    const { time, underWay } = this.deps;
    let seen = time.changes;
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await this.turn();
      if (underWay.busy) {
        await underWay.changed();
        quiet = -1;
      }
      if (time.busy || time.changes !== seen) quiet = -1;
      seen = time.changes;
    }
  }

  /** Moves the time by `ms`, running each timer at its time. */
  advance(ms: number): Promise<void> {
    return this.exclusively('advance', async () => {
      const end = this.deps.time.now() + ms;
      await this.passTo(end, () => false);
    });
  }

  /**
   * Moves the time from timer to timer, at most by `withinMs`, until `over` says so. `over` is asked whenever everything
   * is at rest.
   */
  passUntil(name: string, withinMs: number, over: () => Promise<boolean>): Promise<void> {
    return this.exclusively(name, () => this.passTo(this.deps.time.now() + withinMs, over));
  }

  /** Moves the time until `promise` settles, and gives its outcome. It need not depend on timers. */
  async until<T>(name: string, promise: Promise<T>): Promise<T> {
    // Where it is refused, the promise is the caller's own again.
    promise.catch(() => undefined);
    await this.exclusively(name, () => this.passWhile(promise));
    return promise;
  }

  /**
   * Lets virtual time pass while something ends, whatever else is running: what waits for sockets in real time may be waited
   * for by timers that only virtual time fires.
   */
  async windDown(promise: Promise<unknown>): Promise<void> {
    await this.passWhile(promise);
    await promise;
  }

  private async passWhile(promise: Promise<unknown>): Promise<void> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    while (!settled) {
      await this.settle();
      if (settled) return;
      if (this.deps.time.nextAt === undefined) await this.pause();
      else this.deps.time.runNext();
    }
  }

  private async passTo(end: number, over: () => boolean | Promise<boolean>): Promise<void> {
    const { time } = this.deps;
    for (;;) {
      await this.settle();
      if (await over()) return;
      const { nextAt } = time;
      if (nextAt === undefined || nextAt > end) return time.moveTo(end);
      time.runNext();
    }
  }

  private async exclusively(name: string, work: () => Promise<void>): Promise<void> {
    if (this.passing !== undefined) {
      throw new ConfigError(
        `${name} was called while ${this.passing} is still running: two of them would move the same clock; await the first one`,
      );
    }
    this.deps.check();
    this.passing = name;
    try {
      await work();
    } finally {
      this.passing = undefined;
    }
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.deps.real.scheduler.soon(resolve));
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => void this.deps.real.scheduler.after(LOOK_MS, resolve));
  }
}
