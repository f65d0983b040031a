/** Failures in a row that it takes to say something about the target. */
const FAILURES_MIN = 5;

/** Failures with no answer in between. One branch alone can fail for reasons of its own, so it takes two. */
export class FailureStreak {
  private count = 0;
  private first: object | undefined;
  private several = false;

  /** Whether nothing failed since the last answer. */
  get empty(): boolean {
    return this.count === 0;
  }

  /** Failures since the last answer. */
  get length(): number {
    return this.count;
  }

  /** Counts a failure of the branch `key`; whether the target counts as down with it. */
  add(key: object): boolean {
    this.count++;
    this.first ??= key;
    this.several ||= key !== this.first;
    return this.several && this.count >= FAILURES_MIN;
  }

  /** Somebody answered. */
  end(): void {
    this.count = 0;
    this.first = undefined;
    this.several = false;
  }
}
