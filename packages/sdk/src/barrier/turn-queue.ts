/** A line of bounded length before something that one at a time may have. First come, first served. */

/** Gives the turn to the next in line. Calling it twice does nothing more. */
export type TurnEnd = () => void;

/** The line. */
export class TurnQueue {
  private busy = false;
  private readonly waiting: ((end: TurnEnd) => void)[] = [];

  /** How many wait, without the one whose turn it is. */
  get length(): number {
    return this.waiting.length;
  }

  /** Resolves when it is one's turn; undefined at once where `max` wait already. */
  enter(max: number): Promise<TurnEnd> | undefined {
    if (!this.busy) return Promise.resolve(this.turn());
    if (this.waiting.length >= max) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private turn(): TurnEnd {
    this.busy = true;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.next();
    };
  }

  private next(): void {
    this.busy = false;
    this.waiting.shift()?.(this.turn());
  }
}
