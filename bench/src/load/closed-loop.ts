/** The load: some workers, each of which begins its next transaction when its last one has ended. */

/** Workers around one function. A transaction that fails ends them all: a benchmark of errors is none. */
export class ClosedLoop {
  private timesMs: number[] = [];
  private workers: Promise<void>[] = [];
  private running = false;
  private failure: { readonly error: unknown } | undefined;

  /** `transact` runs one transaction and resolves with the time that counts, in milliseconds. */
  constructor(private readonly transact: () => Promise<number>) {}

  /** Starts `concurrency` workers. */
  start(concurrency: number): void {
    this.running = true;
    this.workers = Array.from({ length: concurrency }, () => this.work());
  }

  /** Counts from now on. */
  open(): void {
    this.timesMs = [];
  }

  /** How many transactions ended since then. Throws what the first failed one threw. */
  get done(): number {
    this.check();
    return this.timesMs.length;
  }

  /** Their times, milliseconds, in the order of their ends. Throws what the first failed one threw. */
  close(): readonly number[] {
    const { timesMs } = this;
    this.open();
    this.check();
    return timesMs;
  }

  /** Resolves when the last transactions have ended. Rejects with what the first failed one threw. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.workers);
    this.check();
  }

  private async work(): Promise<void> {
    while (this.running) {
      try {
        const timeMs = await this.transact();
        this.timesMs.push(timeMs);
      } catch (error) {
        this.failure ??= { error };
        this.running = false;
      }
    }
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure.error;
  }
}
