/**
 * First in, first out, with a way to leave from the middle. A slot in one array and one in a map for each item; what
 * was taken or removed leaves a hole, and the array is built anew once most of it is holes: O(1) each, over time.
 */
export class WaitingLine<T extends object> {
  private slots: (T | undefined)[] = [];
  /** Everything before it is a hole. */
  private head = 0;
  /** What stands before it was handed out by `takeNews`. */
  private news = 0;
  private readonly places = new Map<T, number>();

  /** How many wait. */
  get size(): number {
    return this.places.size;
  }

  /** How many slots are held, holes included: at most about twice those that wait. */
  get held(): number {
    return this.slots.length;
  }

  /** Whether `item` waits. */
  has(item: T): boolean {
    return this.places.has(item);
  }

  /** Puts `item` at the end. It must not wait already. */
  add(item: T): void {
    this.places.set(item, this.slots.length);
    this.slots.push(item);
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
    const place = this.places.get(item);
    if (place === undefined) return false;
    this.places.delete(item);
    this.slots[place] = undefined;
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
    this.slots = [];
    this.head = 0;
    this.news = 0;
    this.places.clear();
  }

  private tidyUp(): void {
    if (this.places.size === 0) return this.clear();
    if (this.slots.length <= 2 * this.places.size + 64) return;
    const old = this.slots;
    this.slots = [];
    let news = 0;
    for (const [place, item] of old.entries()) {
      if (item === undefined) continue;
      if (place < this.news) news++;
      this.places.set(item, this.slots.length);
      this.slots.push(item);
    }
    this.head = 0;
    this.news = news;
  }
}
