/**
 * Those who wait for transactions that other nodes own, or may own by now: one batched look a second at all of them.
 *
 * L1 A look reads only what somebody waits for; while nobody does there is no timer.
 * L2 What is not in memory is looked at; where the store is shared, what is undecided in memory too, or parked: another node may
 *    take it over for its initiator or an operator, and here that would be found out no sooner than at the deadline, or never.
 * L3 What is not kept any more ends its waits; a look that fails ends none and is repeated.
 */
import type { Gid, GlobalTransaction } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { Resident } from './resident';
import type { StoreReader } from './store-reader';
import type { TimerSet } from './timer-set';

/** What looking needs. */
export interface WatchersDeps {
  readonly reader: StoreReader;
  readonly timers: TimerSet;
  readonly logger: Logger;
  /** Whether other nodes use the store, too. */
  readonly shared: boolean;
  /** The row of a transaction in memory is newer than memory: somebody else has changed it. */
  readonly onNewer: (resident: Resident) => void;
}

/** Time between two looks. */
const LOOK_MS = 1_000;
/** Transactions read at once. */
const PAGE = 500;

/** Looks for those who wait. */
export class Watchers {
  private readonly watched = new Map<Gid, Resident>();
  private planned = false;

  constructor(private readonly deps: WatchersDeps) {}

  /** How many transactions are looked at. */
  get size(): number {
    return this.watched.size;
  }

  /** Somebody waits for a transaction that this node may not be told of. Does nothing where nobody waits. */
  watch(resident: Resident): void {
    if (!this.concerns(resident)) return;
    this.watched.set(resident.gid, resident);
    this.plan();
  }

  private concerns(resident: Resident): boolean {
    const { tx } = resident;
    const foreign = tx === undefined || (this.deps.shared && mayMoveUnseen(tx));
    return foreign && resident.hasWaiters;
  }

  private plan(): void {
    if (this.planned || this.watched.size === 0) return;
    this.planned = true;
    this.deps.timers.after(LOOK_MS, () => {
      this.look()
        .catch((err: unknown) =>
          this.deps.logger.warn({ err }, 'awaited transactions not read yet'),
        )
        .finally(() => {
          this.planned = false;
          this.plan();
        });
    });
  }

  private async look(): Promise<void> {
    for (const [gid, resident] of this.watched) {
      if (!this.concerns(resident)) this.watched.delete(gid);
    }
    const gids = [...this.watched.keys()];
    for (let from = 0; from < gids.length; from += PAGE) {
      const page = gids.slice(from, from + PAGE);
      const found = await this.deps.reader.loadMany(page);
      this.tell(page, new Map(found.map((tx) => [tx.gid, tx])));
    }
  }

  private tell(gids: readonly Gid[], found: ReadonlyMap<Gid, GlobalTransaction>): void {
    for (const gid of gids) {
      const resident = this.watched.get(gid);
      if (resident === undefined) continue;
      const tx = found.get(gid);
      if (tx === undefined) resident.release();
      else this.seen(resident, tx);
    }
  }

  private seen(resident: Resident, tx: GlobalTransaction): void {
    if (resident.tx === undefined) return resident.notify(tx);
    if (tx.epoch <= resident.tx.epoch) return;
    resident.notify(tx);
    this.deps.onNewer(resident);
  }
}

/** Whether nothing is written of it for long, so that no write finds out that it moved. */
function mayMoveUnseen({ status, branches }: GlobalTransaction): boolean {
  return status === 'trying' || branches.some(({ parked }) => parked);
}
