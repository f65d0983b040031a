import type { Clock } from '@tercet/core';

/** The machine's clock, moved by as much as a test says. Timers and gRPC's deadlines do not move with it. */
export class ShiftedClock implements Clock {
  shiftMs = 0;

  now(): number {
    return Date.now() + this.shiftMs;
  }
}
