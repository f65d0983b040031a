/**
 * Finds the test that waits for ever: it awaits a run, the run waits for virtual time, and nobody moves it.
 *
 * L1 Told only where the clock is all that is waited for: nothing is under way, nobody lets time pass, and a call or a
 *    command is unanswered.
 * L2 Counted in looks, not in time: a debugger that holds the process does not count.
 */
import { TercetError } from '@tercet/core';
import type { RealTime } from '../time/under-way';

const LOOK_MS = 50;
const LOOKS = 60;

/** What it needs. */
export interface StallWatchDeps {
  readonly real: RealTime;
  /** Whether virtual time is all that is waited for, where so many commands are unanswered (L1). */
  readonly stalled: (commands: number) => boolean;
}

/** Watches what a test awaits. */
export class StallWatch {
  constructor(private readonly deps: StallWatchDeps) {}

  /** The same promise, or a rejection where nobody moves the clock. `commands` tells how many are unanswered. */
  watch<T>(what: string, promise: Promise<T>, commands: () => number): Promise<T> {
    let looks = 0;
    return new Promise<T>((resolve, reject) => {
      const { real, stalled } = this.deps;
      const look = (): void => {
        looks = stalled(commands()) ? looks + 1 : 0;
        if (looks >= LOOKS) reject(standsStill(what));
        else timer = real.scheduler.after(LOOK_MS, look);
      };
      let timer = real.scheduler.after(LOOK_MS, look);
      promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

function standsStill(what: string): TercetError {
  return new TercetError('CALL_CANCELLED', {
    message:
      `${what} waits for virtual time, and nobody moves it: write await env.until(${what}(…)), ` +
      'or start it without await, call await env.advance(…), and await it then',
  });
}
