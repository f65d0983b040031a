/**
 * Answers who asks and who waits.
 *
 * Q1 What memory knows is the truth while the row is ours; where other nodes use the store, the row is asked. A decision never
 *    changes: nobody waits longer for one that memory knows.
 * Q2 Asking and waiting take nothing over. Whoever waits is told by the owner's memory, or by the looks at what others own.
 * Q3 A wait ends exactly once, and leaves no timer.
 */
import { type Gid, type GlobalTransaction, factReached, holds, isFinished } from '@tercet/core';
import type { Mending } from './mending';
import { notFound } from './orders';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';
import type { WaitOptions } from './waiters';
import type { Watchers } from './watchers';

/** What answering needs. */
export interface TruthDeps {
  readonly residents: Residents;
  readonly reader: StoreReader;
  readonly mending: Mending;
  readonly watchers: Watchers;
  /** Whether other nodes use the store, too. */
  readonly shared: boolean;
  /** Whether nobody should be kept waiting any more. */
  readonly isStopping: () => boolean;
}

/** The present truth about transactions. */
export class Truth {
  constructor(private readonly deps: TruthDeps) {}

  /** The truth now; rejects with TRANSACTION_NOT_FOUND. */
  async get(gid: Gid): Promise<GlobalTransaction> {
    const tx = (await this.ours(gid)) ?? (await this.deps.reader.load(gid));
    if (tx !== undefined) return tx;
    throw notFound(gid);
  }

  /** The truth, once a fact holds or the wait is over. */
  async wait(gid: Gid, options: WaitOptions): Promise<GlobalTransaction> {
    const { residents, watchers, isStopping } = this.deps;
    if (!isStopping() && residents.isAbsent(gid)) await this.bringBack(gid);
    const known = residents.get(gid)?.tx;
    const undecided = known === undefined || known.status === 'trying';
    const tx = undecided ? await this.get(gid) : known;
    const resident = residents.of(gid);
    // Looks at this wait alone: thousands may wait for the same transaction.
    const { fact, timeoutMs } = options;
    const reached = (seen: GlobalTransaction): boolean => holds(factReached(seen), fact);
    try {
      if (isStopping() || reached(tx)) return tx;
      if (timeoutMs <= 0) return await this.unlessMoved(tx);
      if (resident.tx !== undefined && reached(resident.tx)) return resident.tx;
      const end = resident.waiters.wait(options);
      watchers.watch(resident);
      const seen = await end;
      if (seen === undefined) return await this.get(gid);
      return reached(seen) ? seen : await this.unlessMoved(seen);
    } finally {
      residents.forgetIfUnused(resident);
    }
  }

  /** What is decided here and not over may have gone on in other hands: an operator may have had it mended there. */
  private async unlessMoved(seen: GlobalTransaction): Promise<GlobalTransaction> {
    return this.deps.shared && !this.deps.isStopping() ? await this.get(seen.gid) : seen;
  }

  /** What memory knows, where it is the truth (Q1). */
  private async ours(gid: Gid): Promise<GlobalTransaction | undefined> {
    const { mending, reader, residents, shared } = this.deps;
    const resident = residents.get(gid);
    if (resident?.tx === undefined || !shared || isFinished(resident.tx.status)) {
      return resident?.tx;
    }
    if (!mending.isForeign(await reader.facts(gid))) return resident.tx;
    mending.lookAgain(resident);
    return undefined;
  }

  private async bringBack(gid: Gid): Promise<void> {
    const { residents } = this.deps;
    const resident = residents.of(gid);
    try {
      await resident.serially(() => residents.bring(resident));
    } finally {
      residents.forgetIfUnused(resident);
    }
  }
}
