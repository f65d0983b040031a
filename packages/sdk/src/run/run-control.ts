/**
 * Whether a run goes on, and why not.
 *
 * C1 What stops a run first stays the reason; nothing later replaces it.
 * C2 Once the run decides (every Try succeeded, the callback returned) nothing stops it any more: after Commit was
 *    sent there is no way back.
 * C3 A stopped run aborts its signal, so running Tries and the callback learn of it at once.
 */
import { type CallSignal, CallSignalSource, TercetError } from '@tercet/core';
import { abortSignalOf } from '../abort';
import type { AttachedError } from '../errors';

/** Why a run stopped. */
export type Stop =
  /** Something failed: it rolls back. */
  | { readonly kind: 'failed'; readonly cause: unknown }
  /** Another run of the same name owns the gid: it waits for that one. */
  | { readonly kind: 'attached'; readonly error: AttachedError }
  /** The gid belongs to other work: there is nothing to roll back or to wait for. */
  | { readonly kind: 'conflict'; readonly error: TercetError };

/** The state of one run. */
export class RunControl {
  /** Resolves when the run stops; never where it decides. */
  readonly stopped: Promise<void>;
  private readonly source = new CallSignalSource();
  private users: AbortSignal | undefined;
  private readonly markStopped: () => void;
  private reason: Stop | undefined;
  private deciding = false;

  constructor() {
    let resolved: () => void = () => {};
    this.stopped = new Promise((resolve) => {
      resolved = resolve;
    });
    this.markStopped = resolved;
  }

  /** Aborted when the run stops. */
  get signal(): CallSignal {
    return this.source;
  }

  /** The same for the user's code; made when it asks. */
  get abortSignal(): AbortSignal {
    this.users ??= abortSignalOf(this.source);
    return this.users;
  }

  /** Why it stopped; undefined = it goes on or decides. */
  get stop(): Stop | undefined {
    return this.reason;
  }

  /** Stops the run, unless it has stopped or decides. */
  end(stop: Stop): void {
    if (this.reason !== undefined || this.deciding) return;
    this.reason = stop;
    try {
      this.source.abort(stop.kind === 'failed' ? stop.cause : stop.error);
    } finally {
      // Whatever a listener throws.
      this.markStopped();
    }
  }

  /** Stops the run with what failed. */
  fail(cause: unknown): void {
    this.end({ kind: 'failed', cause });
  }

  /**
   * Closes phase one, from then on no Try starts. False where the run has stopped before. To be called in the turn in
   * which no Try was found under way.
   */
  decide(): boolean {
    this.deciding = this.reason === undefined;
    return this.deciding;
  }

  /** Why no Try may start or be sent now, or undefined where it may. */
  refusal(): TercetError | undefined {
    const stop = this.reason;
    if (stop === undefined) {
      if (!this.deciding) return undefined;
      return new TercetError('ALREADY_DECIDED', {
        message: 'this Try was not sent: its run has ended',
      });
    }
    if (stop.kind !== 'failed') return stop.error;
    return new TercetError('CALL_CANCELLED', {
      message: 'this Try was not sent: its run has failed',
      cause: stop.cause,
    });
  }
}
