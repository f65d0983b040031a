import type { Clock, Scheduler, Timer } from '@tercet/core';

/** A plan. */
export interface DueEntry {
  readonly at: number;
  /** Undefined once it is stale: what the key holds must not live on for as long as the entry lies in the heap. */
  key: DueKey | undefined;
}

/** What can be planned. The queue keeps its plan there: a map from keys to plans would hold on to keys (`ReleasingMap`). */
export interface DueKey {
  /** Belongs to the queue; undefined = not planned. */
  due: DueEntry | undefined;
}

/** Longest sleep: a wall clock that jumped is noticed within this time. */
const SLEEP_MS_MAX = 60_000;

/**
 * One timer heap for all transactions: each key has at most one due time. A binary min-heap with one planned timer
 * for its top; replaced and removed entries stay in the heap and are skipped when they surface, so that setting is
 * O(log n) and there is never a timer per transaction.
 */
export class DueQueue<K extends DueKey> {
  private heap: DueEntry[] = [];
  private waiting = 0;
  private closed = false;
  private timer: { readonly at: number; readonly handle: Timer } | undefined;

  constructor(
    private readonly deps: { readonly clock: Clock; readonly scheduler: Scheduler },
    private readonly onDue: (key: K) => void,
  ) {}

  /** How many keys wait. */
  get size(): number {
    return this.waiting;
  }

  /** Plans `key` for `at` (Unix ms), replacing an earlier plan. A time that has passed is due in the next turn. */
  set(key: K, at: number): void {
    if (this.closed) return;
    const { due } = key;
    if (due?.at === at) return;
    if (due === undefined) this.waiting++;
    else due.key = undefined;
    const entry: DueEntry = { at, key };
    key.due = entry;
    this.heap.push(entry);
    this.siftUp(this.heap.length - 1);
    this.tidyUp();
    this.plan();
  }

  /** Takes a plan back. */
  delete(key: K): void {
    if (key.due === undefined) return;
    this.release(key.due);
    this.tidyUp();
    this.plan();
  }

  /** How many entries are held, stale ones included: at most about twice the keys that wait. */
  get held(): number {
    return this.heap.length;
  }

  /** Takes all plans back, stops the timer, and plans nothing more. */
  close(): void {
    this.closed = true;
    for (const entry of this.heap) this.release(entry);
    this.heap = [];
    this.plan();
  }

  private run(): void {
    this.timer = undefined;
    const now = this.deps.clock.now();
    for (let top = this.heap[0]; top !== undefined && top.at <= now; top = this.heap[0]) {
      this.pop();
      const { key } = top;
      this.release(top);
      // Only keys of this queue are in its heap.
      if (key !== undefined) this.onDue(key as K);
    }
    this.dropStale();
    this.plan();
  }

  private release(entry: DueEntry): void {
    if (entry.key === undefined) return;
    entry.key.due = undefined;
    entry.key = undefined;
    this.waiting--;
  }

  private plan(): void {
    const top = this.heap[0];
    if (this.timer !== undefined) {
      if (top !== undefined && this.timer.at <= top.at) return;
      this.timer.handle.cancel();
      this.timer = undefined;
    }
    if (top === undefined) return;
    const delayMs = Math.min(Math.max(0, top.at - this.deps.clock.now()), SLEEP_MS_MAX);
    this.timer = { at: top.at, handle: this.deps.scheduler.after(delayMs, () => this.run()) };
  }

  /**
   * Stale entries surface only from the top: one early plan would pin all that lie behind it, and with them what
   * their keys hold. So the heap is built anew once most of it is stale: O(1) a change, over time.
   */
  private tidyUp(): void {
    if (this.heap.length > 2 * this.waiting + 64) {
      this.heap = this.heap.filter(({ key }) => key !== undefined);
      for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.siftDown(i);
    }
    this.dropStale();
  }

  private dropStale(): void {
    for (let top = this.heap[0]; top !== undefined; top = this.heap[0]) {
      if (top.key !== undefined) return;
      this.pop();
    }
  }

  private pop(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.siftDown(0);
  }

  private siftUp(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.at(parent) <= this.at(i)) return;
      this.swap(i, parent);
      i = parent;
    }
  }

  private siftDown(from: number): void {
    let i = from;
    for (;;) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < this.heap.length && this.at(left) < this.at(least)) least = left;
      if (right < this.heap.length && this.at(right) < this.at(least)) least = right;
      if (least === i) return;
      this.swap(i, least);
      i = least;
    }
  }

  private at(i: number): number {
    return (this.heap[i] as DueEntry).at;
  }

  private swap(i: number, j: number): void {
    const entry = this.heap[i] as DueEntry;
    this.heap[i] = this.heap[j] as DueEntry;
    this.heap[j] = entry;
  }
}
