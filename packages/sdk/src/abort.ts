/** Signals put together, turned into what users know, and sleeping that an abort ends. */
import { setMaxListeners } from 'node:events';
import { type CallSignal, CallSignalSource, type Scheduler } from '@tercet/core';

/** A signal that follows others. */
export interface LinkedSignal {
  readonly signal: CallSignal;
  /** Removes the listeners; the signal then follows nobody. Must be called: the others may live long. */
  release(): void;
}

/**
 * Aborts as soon as one of `sources` does, with its reason. Where there is one source it is that one: nothing is made
 * for the nearly always.
 */
export function linkSignals(sources: readonly (CallSignal | undefined)[]): LinkedSignal {
  const given = sources.filter((source) => source !== undefined);
  const [only] = given;
  if (only !== undefined && given.length === 1) return { signal: only, release: nothing };
  const linked = new CallSignalSource();
  const releases = given.map((source) => onAbort(source, (reason) => linked.abort(reason)));
  return { signal: linked, release: () => releases.forEach((release) => release()) };
}

/** Calls `listener` once at the abort, at once where it has happened. Returns what takes the listener away. */
export function onAbort(
  signal: CallSignal | undefined,
  listener: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    listener(signal.reason);
    return nothing;
  }
  const abort = (): void => listener(signal.reason);
  if (signal instanceof CallSignalSource) return signal.listen(abort);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/**
 * An AbortSignal that aborts with `signal`: for users and for libraries. Any number may listen to it; Node warns of a
 * leak from the eleventh listener on.
 */
export function abortSignalOf(signal: CallSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  onAbort(signal, (reason) => controller.abort(reason));
  return controller.signal;
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function sleep(scheduler: Scheduler, ms: number, signal: CallSignal): Promise<void> {
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

function nothing(): void {
  // There is nothing to take away.
}
