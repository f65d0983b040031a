/** Counts the unary calls under way, so that a stop can wait for their answers and for nothing else. */
export class RunningCalls {
  private running = 0;
  private idle: (() => void)[] = [];

  /** A call begins; the returned function says that it was answered. */
  begin(): () => void {
    this.running++;
    return () => {
      this.running--;
      if (this.running > 0) return;
      for (const resolve of this.idle.splice(0)) resolve();
    };
  }

  /** Resolves when no call is under way. */
  async answered(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }
}
