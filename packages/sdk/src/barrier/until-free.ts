/** Waiting for the lock that another process has on a SQLite database, without blocking the event loop. */
import type { BarrierSettings } from './barrier-options';
import { isBusy, sqliteDialect } from './sqlite-dialect';

/** Does `once`, again and again while the database is busy, for as long as a row's lock is waited for. */
export async function untilFree<T>(
  { random, scheduler }: Pick<BarrierSettings, 'random' | 'scheduler'>,
  once: () => T,
): Promise<T> {
  for (let waitedMs = 0; ; ) {
    try {
      return once();
    } catch (error) {
      if (!isBusy(error) || waitedMs >= sqliteDialect.lockWaitMs) throw error;
    }
    const pauseMs = 5 + Math.floor(random.unit() * 20);
    waitedMs += pauseMs;
    await new Promise<void>((resolve) => void scheduler.after(pauseMs, resolve));
  }
}
