import type { Clock, Scheduler, Timer } from '@tercet/core';

interface Entry<K> {
  readonly at: number;
  readonly key: K;
}

/** Longest sleep: a wall clock that jumped is noticed within this time. */
const SLEEP_MS_MAX = 60_000;

/**
 * One timer heap for all transactions: each key has at most one due time. A binary min-heap with one planned timer
 * for its top; replaced and removed entries stay in the heap and are skipped when they surface, so that setting is
 * O(log n) and there is never a timer per transaction.
 */
export class DueQueue<K> {
  private readonly heap: Entry<K>[] = [];
  private readonly dueAt = new Map<K, Entry<K>>();
  private closed = false;
  private timer: { readonly at: number; readonly handle: Timer } | undefined;

  constructor(
    private readonly deps: { readonly clock: Clock; readonly scheduler: Scheduler },
    private readonly onDue: (key: K) => void,
  ) {}

  /** How many keys wait. */
  get size(): number {
    return this.dueAt.size;
  }

  /** Plans `key` for `at` (Unix ms), replacing an earlier plan. A time that has passed is due in the next turn. */
  set(key: K, at: number): void {
    if (this.closed || this.dueAt.get(key)?.at === at) return;
    const entry = { at, key };
    this.dueAt.set(key, entry);
    this.heap.push(entry);
    this.siftUp(this.heap.length - 1);
    this.tidyUp();
    this.plan();
  }

  /** Takes a plan back. */
  delete(key: K): void {
    if (!this.dueAt.delete(key)) return;
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
    this.dueAt.clear();
    this.heap.length = 0;
    this.plan();
  }

  private run(): void {
    this.timer = undefined;
    const now = this.deps.clock.now();
    for (let top = this.heap[0]; top !== undefined && top.at <= now; top = this.heap[0]) {
      this.pop();
      if (this.dueAt.get(top.key) !== top) continue;
      this.dueAt.delete(top.key);
      this.onDue(top.key);
    }
    this.dropStale();
    this.plan();
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
    if (this.heap.length > 2 * this.dueAt.size + 64) {
      this.heap.splice(0, this.heap.length, ...this.dueAt.values());
      for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.siftDown(i);
    }
    this.dropStale();
  }

  private dropStale(): void {
    for (let top = this.heap[0]; top !== undefined; top = this.heap[0]) {
      if (this.dueAt.get(top.key) === top) return;
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
    return (this.heap[i] as Entry<K>).at;
  }

  private swap(i: number, j: number): void {
    const entry = this.heap[i] as Entry<K>;
    this.heap[i] = this.heap[j] as Entry<K>;
    this.heap[j] = entry;
  }
}
