import type { Logger } from '../observability/logger';
import type { Store, StoreFailure } from '../store/store';
import type { TimerSet } from './timer-set';

/** What watching a store needs. */
export interface StoreTroubleDeps {
  readonly store: Store;
  readonly timers: TimerSet;
  readonly logger: Logger;
  /** Told when the store stops or starts taking writes. */
  readonly onTrouble?: ((trouble: StoreFailure | undefined) => void) | undefined;
}

/** Time between probes of a store that took no writes and has nothing to write. */
const PROBE_MS = 1_000;

/** Whether the store takes writes. While it does not, new work is refused and health says so. */
export class StoreTrouble {
  private failure: StoreFailure | undefined;
  private probing = false;

  constructor(private readonly deps: StoreTroubleDeps) {
    deps.store.onTrouble?.((failure) => {
      this.began(failure);
      this.probeUntilBack();
    });
  }

  /** Why the store takes no writes at the moment; undefined while it does. */
  get current(): StoreFailure | undefined {
    return this.failure;
  }

  /** A write failed in a way that concerns the store. */
  began(failure: StoreFailure): void {
    // A node that was removed has a store that works: the coordinator tells, and goes on as another node.
    if (this.failure === undefined && failure.reason !== 'removed') {
      const fields = { alert: 'P0', err: failure };
      this.deps.logger.error(
        fields,
        'the store takes no writes; new work is refused until it does',
      );
    }
    this.failure = failure;
    this.deps.onTrouble?.(failure);
  }

  /** A write went through. */
  ended(): void {
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.deps.onTrouble?.(undefined);
    this.deps.logger.info({}, 'the store takes writes again');
  }

  /** With nothing left to write, only a probe can tell that the store is back. */
  probeUntilBack(): void {
    if (this.failure === undefined || this.probing) return;
    this.probing = true;
    this.deps.timers.after(PROBE_MS, () => void this.probe());
  }

  private async probe(): Promise<void> {
    try {
      if (this.failure !== undefined) await this.deps.store.probe();
      this.ended();
      this.probing = false;
    } catch {
      this.probing = false;
      this.probeUntilBack();
    }
  }
}
