/**
 * The deadlines of many calls with few timers: a timer of Node's costs as much as putting a call on a stream.
 *
 * D1 An item is told once, at its time or at most 1 % of its delay and a millisecond later, never earlier.
 * D2 Items whose times are near each other share a timer; one that was taken back is not told, and a timer without
 *    items is cancelled.
 * D3 A jump of the wall clock moves nobody who waits; items before and after one of more than a second share no timer.
 */
import type { Clock, Scheduler, Timer } from '@tercet/core';

/** Something that has a deadline. The two fields belong to {@link DueTimes}. */
export interface Due {
  /** Where it waits; undefined = nowhere. */
  slot: DueSlot | undefined;
  /** Its place there. */
  place: number;
  /** The time is over. */
  expire(): void;
}

/** Items that are told together. */
export interface DueSlot {
  readonly at: number;
  /** Undefined where one was taken back: what it holds is let go of at once. */
  readonly items: (Due | undefined)[];
  readonly timer: Timer;
  count: number;
}

/** A longer pause may hide a jump of the clock (D3); it costs a timer. */
const PAUSE_MS_MAX = 1_000;
/** Longest time within which items share a timer, whatever 1 % of their delay is. */
const GRAIN_MS_MAX = 1_024;

/** All deadlines of one owner. */
export class DueTimes {
  private slots = new Map<number, DueSlot>();
  private lastAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly scheduler: Pick<Scheduler, 'after'>,
  ) {}

  /** Tells `item` in `delayMs`. */
  add(item: Due, delayMs: number): void {
    const now = this.clock.now();
    if (Math.abs(now - this.lastAt) > PAUSE_MS_MAX) this.slots = new Map();
    this.lastAt = now;
    const grain = grainOf(delayMs);
    const at = Math.ceil((now + delayMs) / grain) * grain;
    const slot = this.slots.get(at) ?? this.open(at, at - now);
    item.slot = slot;
    item.place = slot.items.push(item) - 1;
    slot.count++;
  }

  /** Takes `item` out of where it waits. One that waits nowhere is left alone. */
  remove(item: Due): void {
    const { slot } = item;
    if (slot === undefined) return;
    item.slot = undefined;
    slot.items[item.place] = undefined;
    slot.count--;
    if (slot.count > 0) return;
    slot.timer.cancel();
    this.close(slot);
  }

  private open(at: number, delayMs: number): DueSlot {
    const timer = this.scheduler.after(delayMs, () => {
      this.close(slot);
      for (const item of slot.items) item?.expire();
    });
    const slot: DueSlot = { at, items: [], timer, count: 0 };
    this.slots.set(at, slot);
    return slot;
  }

  private close(slot: DueSlot): void {
    if (this.slots.get(slot.at) === slot) this.slots.delete(slot.at);
  }
}

/** The greatest power of two that is no more than 1/128 of the delay. */
function grainOf(delayMs: number): number {
  const share = Math.max(1, Math.min(GRAIN_MS_MAX, delayMs / 128));
  return 1 << (31 - Math.clz32(share));
}
