/**
 * Takes the items of a message a few in each turn of the event loop. What they cause leaves after every turn, so the
 * other processes work on the first of them while the rest is handled here. Taken all at once, the transactions under
 * way would go from process to process as one block, and only one process would have work at a time.
 *
 * R1 Items are handled in their order, each once, the first few of an idle receiver at once.
 * R2 `flush` handles at once what waits. After `close` nothing is handled.
 * R3 Nothing is kept of what was handled, also where the backlog never ends, as under load.
 */
import type { Scheduler } from '@tercet/core';

/** Least items of one turn, and the part of what waits that is taken where it is more: each message costs, too. */
const ITEMS_MIN = 16;
const PART = 1 / 4;
/** Empty places that are not worth making the array anew. */
const HOLES_MAX = 1_024;

/** What receiving needs. */
export interface BatchReceiverDeps<T> {
  readonly scheduler: Pick<Scheduler, 'soon'>;
  /** Handles an item. Must not throw. */
  readonly handle: (item: T) => void;
  /** Told after each turn in which something was handled, and at the end of `flush`. Default: nobody. */
  readonly handled?: () => void;
}

/** The receiving side of one stream. */
export class BatchReceiver<T> {
  private waiting: (T | undefined)[] = [];
  private next = 0;
  private planned = false;
  private closed = false;

  constructor(private readonly deps: BatchReceiverDeps<T>) {}

  /** How many items wait. */
  get backlog(): number {
    return this.waiting.length - this.next;
  }

  /** How many places are held, empty ones included: at most about twice those that wait. */
  get held(): number {
    return this.waiting.length;
  }

  /** Takes the items of a message. */
  receive(items: readonly T[]): void {
    if (this.closed) return;
    for (const item of items) this.waiting.push(item);
    if (!this.planned) this.turn();
  }

  /** Handles everything that waits. */
  flush(): void {
    this.take(Number.POSITIVE_INFINITY);
  }

  /** Drops what waits. Repeating is safe. */
  close(): void {
    this.closed = true;
    this.waiting = [];
    this.next = 0;
  }

  private turn(): void {
    this.planned = false;
    this.take(Math.max(ITEMS_MIN, Math.ceil(this.backlog * PART)));
    if (this.backlog === 0 || this.closed) return;
    this.planned = true;
    this.deps.scheduler.soon(() => this.turn());
  }

  private take(most: number): void {
    const { handle, handled } = this.deps;
    for (let left = most; left > 0 && this.backlog > 0; left--) {
      const item = this.waiting[this.next] as T;
      this.waiting[this.next++] = undefined;
      handle(item);
    }
    this.tidyUp();
    if (!this.closed) handled?.();
  }

  private tidyUp(): void {
    const { next, waiting } = this;
    if (next < waiting.length && (next < HOLES_MAX || 2 * next < waiting.length)) return;
    this.waiting = waiting.slice(next);
    this.next = 0;
  }
}
