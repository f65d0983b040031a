/**
 * Listens to the signals of calls. The coordinator gives all its calls the same AbortSignal: a listener each would make
 * adding and taking one away slower with every call under way, so those that share a signal share a listener.
 */
import { type CallSignal, CallSignalSource, ReleasingMap } from '@tercet/core';

/** Something that can be given up. */
export interface GivesUp {
  /** The signal was aborted. */
  handleEvent(): void;
}

/** How a call listens: hand it back to take the listener away. */
export type Listening = number | (() => void) | CallSignal;

/** The listeners of one owner's calls. */
export class AbortListeners implements GivesUp {
  /** The signal that several calls at a time have, as far as was seen. */
  private shared: CallSignal | undefined;
  private previous: CallSignal | undefined;
  private readonly sharing = new ReleasingMap<number, GivesUp>();
  private numbers = 0;

  /** Tells `call` when `signal` aborts, until it is removed. */
  add(call: GivesUp, signal: CallSignal): Listening {
    if (signal instanceof CallSignalSource) return signal.listen(call);
    if (signal !== this.shared && signal === this.previous && this.sharing.size === 0) {
      this.close();
      this.shared = signal;
      signal.addEventListener('abort', this);
    }
    this.previous = signal;
    if (signal === this.shared) {
      const number = this.numbers++;
      this.sharing.set(number, call);
      return number;
    }
    signal.addEventListener('abort', call, { once: true });
    return signal;
  }

  /** Tells `call` no more. Repeating is safe. */
  remove(call: GivesUp, listening: Listening): void {
    if (typeof listening === 'number') this.sharing.delete(listening);
    else if (typeof listening === 'function') listening();
    else listening.removeEventListener('abort', call);
  }

  /** The shared signal was aborted. */
  handleEvent(): void {
    for (const call of this.sharing.values()) call.handleEvent();
  }

  /** Listens to the shared signal no more. Repeating is safe. */
  close(): void {
    this.shared?.removeEventListener('abort', this);
    this.shared = undefined;
  }
}
