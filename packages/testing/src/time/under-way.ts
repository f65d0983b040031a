/**
 * Work that real time carries: calls on their way to participants, handlers, callbacks of runs. Virtual time waits for
 * it.
 *
 * U1 Work counts while it runs. While it sleeps on the virtual clock it does not: only moving the time wakes it.
 * U2 Work that has shown no sign of life for the patience is passed over: it hangs, and virtual time goes on without it.
 *    A sign of life makes it count again.
 */
import type { Clock, Scheduler } from '@tercet/core';

/** One piece of work. */
export interface Work {
  /** It waits for virtual time, or for something that does. As often as `wake`. */
  sleep(): void;
  wake(): void;
  /** It is over. Repeating is safe. */
  end(): void;
}

interface Item {
  readonly key: string | undefined;
  asleep: number;
  aliveAt: number;
  passedOver: boolean;
}

/** The machine's own time. */
export interface RealTime {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}

/** All work that is under way. */
export class UnderWay {
  private readonly items = new Set<Item>();
  private listeners: (() => void)[] = [];

  /** @param patienceMs Real milliseconds (U2). */
  constructor(
    private readonly real: RealTime,
    private readonly patienceMs: number,
  ) {}

  /** Work begins. `key` finds it again for {@link sleepers}. */
  begin(key?: string): Work {
    const item: Item = { key, asleep: 0, aliveAt: this.real.clock.now(), passedOver: false };
    this.items.add(item);
    return {
      sleep: () => this.turn(item, 1),
      wake: () => this.turn(item, -1),
      end: () => {
        if (this.items.delete(item)) this.tell();
      },
    };
  }

  /** The work that was begun under `key`, to be put to sleep and woken together. */
  sleepers(key: string): Pick<Work, 'sleep' | 'wake'> {
    const found = [...this.items].filter((item) => item.key === key);
    const turnAll = (by: 1 | -1): void => found.forEach((item) => this.turn(item, by));
    return { sleep: () => turnAll(1), wake: () => turnAll(-1) };
  }

  /** Whether virtual time has to wait. */
  get busy(): boolean {
    for (const item of this.items) if (counts(item)) return true;
    return false;
  }

  /** Resolves as soon as some work changes, or is passed over. */
  async changed(): Promise<void> {
    const oldest = Math.min(...[...this.items].filter(counts).map(({ aliveAt }) => aliveAt));
    const leftMs = Math.max(0, oldest + this.patienceMs - this.real.clock.now());
    await new Promise<void>((resolve) => {
      const timer = this.real.scheduler.after(leftMs, () => {
        this.passOver();
        resolve();
      });
      this.listeners.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  private passOver(): void {
    const before = this.real.clock.now() - this.patienceMs;
    for (const item of this.items) if (item.aliveAt <= before) item.passedOver = true;
  }

  private turn(item: Item, by: 1 | -1): void {
    item.asleep += by;
    item.aliveAt = this.real.clock.now();
    item.passedOver = false;
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners.splice(0)) listener();
  }
}

function counts({ asleep, passedOver }: Item): boolean {
  return asleep === 0 && !passedOver;
}
