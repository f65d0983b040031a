/**
 * One call of an action as it arrived, whichever transport brought it. What most handlers never look at is made when
 * somebody does: the signal, and the metadata.
 *
 * L1 The signal aborts when the caller gives up or its deadline passes, and never after `end`.
 * L2 A signal that nobody looks at costs no controller, no listener and no timer.
 */
import type { Metadata } from '@grpc/grpc-js';
import { TercetError, type TraceContext } from '@tercet/core';
import type { CallAnswer } from './call-answer';
import type { SentHeaders } from './call-headers';

/** A call, and the way back to its caller. */
export abstract class IncomingCall {
  private controller: AbortController | undefined;
  private ended = false;
  private goneAtEnd = false;

  /** The decoded request message. */
  abstract readonly request: unknown;
  /** Who calls for which branch, unchecked. */
  abstract readonly sent: SentHeaders;
  /** Unix ms at which the caller stops waiting; undefined = it named none. */
  abstract readonly deadline: number | undefined;
  /** Address of the caller; undefined = its connection is gone already. */
  abstract readonly peer: string | undefined;
  /** As the caller sent it, checked by nobody. */
  abstract readonly traceparent: string | undefined;
  /** The caller's trace context, where it can be carried on. */
  abstract readonly trace: TraceContext | undefined;
  /** What a unary call of this content holds. */
  abstract readonly metadata: Metadata;

  /** Sends the answer, if the caller still waits. Once per call. */
  abstract answer(answer: CallAnswer): void;

  /** Whether the caller has given up or its deadline has passed; after `end`, whether it had by then. */
  get givenUp(): boolean {
    return this.ended ? this.goneAtEnd : this.isGone();
  }

  /** The signal of the handler. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.givenUp) this.abort();
      else if (!this.ended) this.watch();
    }
    return this.controller.signal;
  }

  /** Whether the handler was told that its caller does not wait any more. */
  protected get wasTold(): boolean {
    return this.controller?.signal.aborted === true;
  }

  /** To be called when it is known how the call is answered: from then on the signal stays as it is. */
  end(): void {
    this.goneAtEnd = this.isGone();
    this.ended = true;
    if (this.controller !== undefined) this.unwatch();
  }

  /** Whether the caller has given up or its deadline has passed. */
  protected abstract isGone(): boolean;
  /** Begins to `abort` when that happens. */
  protected abstract watch(): void;
  /** Ends it. May come without `watch`. */
  protected abstract unwatch(): void;

  /** Aborts the signal, where somebody looks at it. */
  protected abort(): void {
    const message = 'the caller gave up or its deadline passed';
    this.controller?.abort(new TercetError('CALL_CANCELLED', { message }));
  }
}
