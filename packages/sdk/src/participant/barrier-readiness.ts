/**
 * Whether a barrier is usable: asked before the first call, and not any more once it was.
 *
 * R1 No call is carried out before a check has passed; afterwards none is made, whatever happens.
 * R2 A call never starts a check within a second of one that failed: it is answered with that one's error.
 * R3 One check runs at a time; all who ask meanwhile wait for it.
 */
import type { Clock } from '@tercet/core';
import type { Barrier } from '../barrier/barrier';

/** Least time between a failed check and the next one that a call starts. */
const PAUSE_MS = 1_000;

/** The readiness of one barrier. */
export class BarrierReadiness {
  private passed = false;
  private running: Promise<void> | undefined;
  private failed: { readonly error: unknown; readonly at: number } | undefined;

  constructor(
    private readonly barrier: Pick<Barrier<unknown>, 'check'>,
    private readonly clock: Clock,
  ) {}

  /** R1. Nothing has to be awaited any more. */
  get known(): boolean {
    return this.passed;
  }

  /** Checks, unless it has passed before. Rejects with what the barrier says. */
  ready(): Promise<void> {
    if (this.passed) return Promise.resolve();
    this.running ??= this.check();
    return this.running;
  }

  /** The same for a call (R2). */
  readyForCall(): Promise<void> {
    const { failed } = this;
    if (failed !== undefined && this.running === undefined && this.isRecent(failed.at)) {
      return rejected(failed.error);
    }
    return this.ready();
  }

  private isRecent(at: number): boolean {
    const ago = this.clock.now() - at;
    return ago >= 0 && ago < PAUSE_MS;
  }

  private check(): Promise<void> {
    const checked = this.checkOnce();
    const over = (): void => {
      this.running = undefined;
    };
    checked.then(over, over);
    return checked;
  }

  private async checkOnce(): Promise<void> {
    try {
      await this.barrier.check();
      this.passed = true;
      this.failed = undefined;
    } catch (error) {
      this.failed = { error, at: this.clock.now() };
      throw error;
    }
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}
