import type { Random } from '@tercet/core';

/** Time over which entries are let go after an opening. */
export const SPREAD_MS = 5_000;
/** They go in slots of this length: one timer for all, however many they are. */
const SLOT_MS = 50;

/**
 * Random times for many entries without one for each. Drawn are `count` times, uniform over 5 s, and only how many of
 * them fall into each slot is kept. Who goes at which of these times makes no difference to the participant, so
 * entries take them in the order of their line.
 */
export class Spread {
  private readonly slots = new Uint32Array(SPREAD_MS / SLOT_MS);
  private next = 0;
  /** How many may go now. */
  permits = 0;

  constructor(count: number, random: Random) {
    for (let i = 0; i < count; i++) {
      const slot = Math.floor(random.unit() * this.slots.length);
      this.slots[slot] = (this.slots[slot] ?? 0) + 1;
    }
    this.release();
  }

  /** Lets those of the next slot with anybody in it go. */
  release(): void {
    this.permits += this.slots[this.next] ?? 0;
    this.next++;
  }

  /**
   * Skips empty slots. Milliseconds from now, `elapsedMs` after the opening, to the next release, or undefined when there
   * is none. A release that came late does not put off the next; nor does a clock that was put back.
   */
  untilNext(elapsedMs: number): number | undefined {
    const last = this.next - 1;
    while (this.next < this.slots.length && this.slots[this.next] === 0) this.next++;
    if (this.next >= this.slots.length) return undefined;
    return Math.min((this.next - last) * SLOT_MS, Math.max(0, this.next * SLOT_MS - elapsedMs));
  }
}
