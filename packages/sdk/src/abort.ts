/** Abort signals put together, and sleeping that an abort ends. */
import { setMaxListeners } from 'node:events';
import type { Scheduler } from '@tercet/core';

/** A signal that follows others. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Removes the listeners; the signal then follows nobody. Must be called: the others may live long. */
  release(): void;
}

/**
 * A controller whose signal any number of Tries or runs may follow. Node warns of a leak from the eleventh listener
 * on; here every listener is taken away by who added it.
 */
export function sharedAbortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Aborts as soon as one of `sources` does, with its reason. */
export function linkSignals(sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const releases = sources.map((source) => onAbort(source, (reason) => controller.abort(reason)));
  return { signal: controller.signal, release: () => releases.forEach((release) => release()) };
}

/** Calls `listener` once at the abort, at once where it has happened. Returns what takes the listener away. */
export function onAbort(
  signal: AbortSignal | undefined,
  listener: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    listener(signal.reason);
    return () => {};
  }
  const abort = (): void => listener(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function sleep(scheduler: Scheduler, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = scheduler.after(ms, () => {
      release();
      resolve();
    });
    const release = onAbort(signal, () => {
      timer.cancel();
      resolve();
    });
  });
}
