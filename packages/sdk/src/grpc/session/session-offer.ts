/** Whether the coordinator offers sessions: learnt by asking, forgotten after a while. */
import type { Clock } from '@tercet/core';

/** A coordinator that was replaced by a newer one without losing a connection is noticed after this long. */
const ASK_AGAIN_MS = 600_000;

/** What is known. At first, that it is worth asking. */
export class SessionOffer {
  private refusedAt: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** Whether a session is worth opening. */
  get open(): boolean {
    if (this.refusedAt === undefined) return true;
    // A clock that was put back must not keep the answer for longer.
    if (Math.abs(this.clock.now() - this.refusedAt) >= ASK_AGAIN_MS) this.refusedAt = undefined;
    return this.refusedAt === undefined;
  }

  /** It does not know the method. */
  refused(): void {
    this.refusedAt = this.clock.now();
  }

  /** Its connection was lost: what comes back may be another version. */
  forget(): void {
    this.refusedAt = undefined;
  }
}
