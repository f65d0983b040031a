/** What can wait. The line keeps its place there: a map from items to places would hold on to items (`ReleasingMap`). */
export interface InLine {
  /** Belongs to the line; undefined = it does not wait. */
  place?: number | undefined;
}

/**
 * First in, first out, with a way to leave from the middle. A slot in an array for each item; what
 * was taken or removed leaves a hole, and the array is built anew once most of it is holes: O(1) each, over time.
 */
export class WaitingLine<T extends InLine> {
  private slots: (T | undefined)[] = [];
  /** Everything before it is a hole. */
  private head = 0;
  /** What stands before it was handed out by `takeNews`. */
  private news = 0;
  private count = 0;

  /** How many wait. */
  get size(): number {
    return this.count;
  }

  /** How many slots are held, holes included: at most about twice those that wait. */
  get held(): number {
    return this.slots.length;
  }

  /** Whether `item` waits. */
  has(item: T): boolean {
    return item.place !== undefined;
  }

  /** Puts `item` at the end. It must not wait already. */
  add(item: T): void {
    item.place = this.slots.length;
    this.slots.push(item);
    this.count++;
  }

  /** Takes the first one, or undefined when nobody waits. */
  take(): T | undefined {
    while (this.head < this.slots.length) {
      const item = this.slots[this.head];
      if (item !== undefined) {
        this.remove(item);
        return item;
      }
      this.head++;
    }
    return undefined;
  }

  /** Lets `item` leave from wherever it stands; whether it was there. */
  remove(item: T): boolean {
    const { place } = item;
    if (place === undefined) return false;
    item.place = undefined;
    this.slots[place] = undefined;
    this.count--;
    this.tidyUp();
    return true;
  }

  /** Those who wait and were in no earlier answer of this, in order. */
  takeNews(): T[] {
    const news = this.slots.slice(this.news).filter((item) => item !== undefined);
    this.news = this.slots.length;
    return news;
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const item of this.slots) if (item !== undefined) item.place = undefined;
    this.slots = [];
    this.head = 0;
    this.news = 0;
    this.count = 0;
  }

  private tidyUp(): void {
    if (this.count === 0) return this.clear();
    if (this.slots.length <= 2 * this.count + 64) return;
    const old = this.slots;
    this.slots = [];
    let news = 0;
    for (const [place, item] of old.entries()) {
      if (item === undefined) continue;
      if (place < this.news) news++;
      item.place = this.slots.length;
      this.slots.push(item);
    }
    this.head = 0;
    this.news = news;
  }
}
