/** Counts work under way, so that a stop can wait for its end and for nothing else. */
export class RunningWork {
  private running = 0;
  private idle: (() => void)[] = [];

  /** Work begins; the returned function says that it has ended. */
  begin(): () => void {
    this.running++;
    return () => {
      this.running--;
      if (this.running > 0) return;
      for (const resolve of this.idle.splice(0)) resolve();
    };
  }

  /** Resolves when nothing is under way. */
  async over(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }
}
