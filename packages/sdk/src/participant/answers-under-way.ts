/**
 * Answers that were given and have not left yet. grpc-js sends them in later turns of the event loop: who shuts the
 * server down in between loses them, and a Try whose OK is lost costs its whole transaction.
 */
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Scheduler } from '@tercet/core';

/** How long a peer that does not read may hold up `drain`. */
const LEAVE_MS_MAX = 1_000;

/** A call that grpc-js handed to its handler. */
type Call = Pick<ServerUnaryCall<unknown, unknown>, 'cancelled' | 'once'>;

/** The answers of one service. */
export class AnswersUnderWay {
  private underWay = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly scheduler: Scheduler) {}

  /** To be called in the turn in which a call is answered. */
  add(call: Call): void {
    // grpc-js says `cancelled` after every call's end; after a caller's giving up it has said so before.
    if (call.cancelled) return;
    this.underWay++;
    call.once('cancelled', () => {
      this.underWay--;
      if (this.underWay === 0) for (const go of this.waiting.splice(0)) go();
    });
  }

  /** Resolves when every answer is on its way to the peer, or that takes too long. */
  async left(): Promise<void> {
    if (this.underWay > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.scheduler.after(LEAVE_MS_MAX, resolve);
        this.waiting.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    // HTTP/2 writes at the end of the turn.
    await new Promise<void>((resolve) => this.scheduler.soon(resolve));
  }
}
