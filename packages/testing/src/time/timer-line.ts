/** Planned work in the order of its time: a binary heap, because thousands of timers wait while an hour passes. */

/** Work that is planned. */
export interface Planned {
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Among equal times the one that was planned first comes first. */
  readonly order: number;
  /** Undefined = it was taken back. */
  work: (() => void) | undefined;
}

/** Taken-back entries that may stay in the heap before it is made anew. */
const DEAD_MAX = 1_000;

/** All planned work. */
export class TimerLine {
  private heap: Planned[] = [];
  private live = 0;

  /** How much is planned. */
  get size(): number {
    return this.live;
  }

  /** The next one; undefined = nothing is planned. It stays. */
  get next(): Planned | undefined {
    while (this.heap[0] !== undefined && this.heap[0].work === undefined) this.removeFirst();
    return this.heap[0];
  }

  /** Adds one. */
  add(planned: Planned): void {
    this.live++;
    this.heap.push(planned);
    this.rise(this.heap.length - 1);
  }

  /** Takes one back. Repeating is safe, and so is taking back what has run. */
  takeBack(planned: Planned): void {
    if (planned.work === undefined) return;
    planned.work = undefined;
    this.live--;
    if (this.heap.length - this.live > Math.max(DEAD_MAX, this.live)) this.rebuild();
  }

  /** Takes the next one out and returns its work. */
  shift(): (() => void) | undefined {
    const first = this.next;
    if (first === undefined) return undefined;
    const { work } = first;
    first.work = undefined;
    this.live--;
    this.removeFirst();
    return work;
  }

  /** Takes everything back. */
  clear(): void {
    this.heap = [];
    this.live = 0;
  }

  private rebuild(): void {
    const alive = this.heap.filter(({ work }) => work !== undefined);
    this.heap = alive.sort((a, b) => (before(a, b) ? -1 : 1));
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(0);
  }

  private rise(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.isBefore(i, parent)) return;
      this.swap(i, parent);
      i = parent;
    }
  }

  private sink(from: number): void {
    let i = from;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.heap.length && this.isBefore(child, least)) least = child;
      }
      if (least === i) return;
      this.swap(i, least);
      i = least;
    }
  }

  private isBefore(i: number, j: number): boolean {
    return before(this.heap[i] as Planned, this.heap[j] as Planned);
  }

  private swap(i: number, j: number): void {
    const held = this.heap[i] as Planned;
    this.heap[i] = this.heap[j] as Planned;
    this.heap[j] = held;
  }
}

function before(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
