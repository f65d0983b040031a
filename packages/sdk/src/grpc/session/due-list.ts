/**
 * Many deadlines and one timer: a deadline is rarely reached, so adding and removing one must cost next to nothing.
 *
 * D1 An item is over after its time, never before, and at most 50 ms later where the event loop is not blocked.
 * D2 Deadlines count on the timers' monotonic time; the wall clock only corrects timers that are late, at most by
 *    what `CATCH_UP_TICKS` allows, so that a jump of it moves a deadline by no more.
 * D3 Without items there is no timer after at most one tick.
 */
import type { Clock, Scheduler, Timer } from '@tercet/core';

/** Distance of two sweeps. */
const TICK_MS = 25;
/** Slots of the wheel: later deadlines take more than one round. */
const SLOTS = 512;
/** Most ticks that one late sweep counts: one second. */
const CATCH_UP_TICKS = 40;

/** The tick of an item that is in no list. */
const NOT_LISTED = -1;

/** What an item carries for its list. Only the list writes these. */
export interface Due {
  dueTick: number;
  dueBefore: Due | undefined;
  dueAfter: Due | undefined;
}

/** What a list needs. */
export interface DueListDeps<T extends Due> {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  /** The item's time is over; it is no longer in the list. */
  readonly over: (item: T) => void;
}

/** Items by deadline: a hashed wheel of doubly linked lists. */
export class DueList<T extends Due> {
  private readonly slots = Array.from<T | undefined>({ length: SLOTS });
  private tick = 0;
  private count = 0;
  private sweptAt = 0;
  private timer: Timer | undefined;

  constructor(private readonly deps: DueListDeps<T>) {}

  /** Adds an item that is over in `ms` (≥ 0). */
  add(item: T, ms: number): void {
    if (this.timer === undefined) this.start();
    // The tick that runs is over sooner than a whole one.
    item.dueTick = this.tick + this.behind() + Math.ceil(ms / TICK_MS) + 1;
    const slot = item.dueTick % SLOTS;
    const first = this.slots[slot];
    item.dueBefore = undefined;
    item.dueAfter = first;
    if (first !== undefined) first.dueBefore = item;
    this.slots[slot] = item;
    this.count += 1;
  }

  /** Takes an item out. Repeating is safe. */
  remove(item: T): void {
    if (item.dueTick === NOT_LISTED) return;
    const { dueBefore, dueAfter } = item;
    if (dueBefore === undefined) this.slots[item.dueTick % SLOTS] = dueAfter as T | undefined;
    else dueBefore.dueAfter = dueAfter;
    if (dueAfter !== undefined) dueAfter.dueBefore = dueBefore;
    item.dueBefore = undefined;
    item.dueAfter = undefined;
    item.dueTick = NOT_LISTED;
    this.count -= 1;
  }

  /** What is left for an item in the list, milliseconds, rounded up by as much as two ticks. */
  leftMs(item: T): number {
    return Math.max(0, item.dueTick - this.tick) * TICK_MS;
  }

  /** Forgets all items, and stops the timer. */
  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.slots.fill(undefined);
    this.count = 0;
  }

  private start(): void {
    this.sweptAt = this.deps.clock.now();
    this.arm();
  }

  private arm(): void {
    this.timer = this.deps.scheduler.after(TICK_MS, () => this.sweep());
  }

  private sweep(): void {
    this.timer = undefined;
    const over: T[] = [];
    const passed = Math.max(1, this.behind());
    this.sweptAt = this.sweptAfter(passed);
    for (let left = passed; left > 0; left -= 1) {
      this.tick += 1;
      this.takeOver(over);
    }
    if (this.count > 0) this.arm();
    for (const item of over) this.deps.over(item);
  }

  /** How many whole ticks have passed since the last sweep. */
  private behind(): number {
    const ticks = Math.floor((this.deps.clock.now() - this.sweptAt) / TICK_MS);
    return Math.min(Math.max(0, ticks), CATCH_UP_TICKS);
  }

  /** The part of a tick that has passed besides counts for the next sweep, except where the clock has jumped. */
  private sweptAfter(ticks: number): number {
    const now = this.deps.clock.now();
    const counted = this.sweptAt + ticks * TICK_MS;
    return Math.abs(now - counted) > TICK_MS ? now : counted;
  }

  private takeOver(over: T[]): void {
    let item = this.slots[this.tick % SLOTS];
    while (item !== undefined) {
      const next = item.dueAfter as T | undefined;
      if (item.dueTick <= this.tick) {
        this.remove(item);
        over.push(item);
      }
      item = next;
    }
  }
}
