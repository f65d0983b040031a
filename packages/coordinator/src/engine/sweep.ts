/**
 * Takes over the unfinished transactions that belong to no live node, again and again.
 *
 * C1 What this process has alone is claimed whole before it serves. Where nodes share a store the sweep goes on in the
 *    background: a command that meets a transaction before it takes it over by itself.
 * C2 A sweep comes every half ttl, and at once when a node has gone; it goes on page after page until a claim answers none.
 * C3 Only within capacity: a node whose memory stays full leaves the rest to others, or to its next sweep.
 * C4 A claim that failed is repeated with the next sweep. One in doubt may have made rows ours that nothing shows: this life
 *    of the node is over then.
 */
import type { GlobalTransaction } from '@tercet/core';
import type { Logger } from '../observability/logger';
import { type Store, StoreFailure } from '../store/store';
import type { Mending } from './mending';
import type { Resident } from './resident';
import type { Residents } from './residents';
import type { TimerSet } from './timer-set';

/** What sweeping needs. */
export interface SweepDeps {
  readonly store: Pick<Store, 'claim'>;
  readonly residents: Residents;
  readonly mending: Mending;
  readonly timers: TimerSet;
  readonly logger: Logger;
  /** Whether other nodes use the store, too. */
  readonly shared: boolean;
  /** For how long a node without a sign of life is taken for alive. */
  readonly nodeTtlMs: number;
  /** Most unfinished transactions in memory. */
  readonly residentMax: number;
  /** Rows may be ours that nothing shows (C4). */
  readonly onDoubt?: ((failure: StoreFailure) => void) | undefined;
}

/** Transactions claimed at once. */
const PAGE = 500;

/** Sweeps. */
export class Sweep {
  private sweeping = false;
  private again = false;
  private closed = false;
  /** The last call of the store. */
  private claiming: Promise<unknown> = Promise.resolve();

  constructor(private readonly deps: SweepDeps) {}

  /** Claims what is there, or begins to (C1). Answers how many transactions were claimed meanwhile. */
  async start(): Promise<number> {
    if (!this.deps.shared) return await this.claimAll();
    this.now();
    this.plan();
    return 0;
  }

  /** A node has gone: its transactions can be claimed. */
  now(): void {
    if (this.closed) return;
    this.again = true;
    if (!this.sweeping) void this.run();
  }

  /** Claims nothing more. */
  close(): void {
    this.closed = true;
  }

  /** Resolves when the store has ended the last claim. */
  async quiet(): Promise<void> {
    await this.claiming.catch(() => undefined);
  }

  private plan(): void {
    this.deps.timers.after(this.deps.nodeTtlMs / 2, () => {
      this.now();
      this.plan();
    });
  }

  private async run(): Promise<void> {
    const { logger } = this.deps;
    this.sweeping = true;
    try {
      while (this.again && !this.closed) {
        this.again = false;
        const transactions = await this.claimAll();
        if (transactions > 0) logger.info({ transactions }, 'took over what no live node owned');
      }
    } catch (err) {
      if (this.closed) return;
      logger.warn({ err }, 'unfinished transactions of nodes that are gone not claimed yet');
      if (err instanceof StoreFailure && err.kind === 'unknown') this.deps.onDoubt?.(err);
    } finally {
      this.sweeping = false;
    }
  }

  private async claimAll(): Promise<number> {
    let count = 0;
    for (;;) {
      const { residents, store } = this.deps;
      const [page, news] = await residents.duringClaim(() => {
        const claim = store.claim(PAGE);
        this.claiming = claim;
        return claim;
      });
      if (this.closed) return count;
      for (const tx of page) if (!news.has(tx.gid)) this.adopt(tx);
      count += page.length;
      await residents.roomMade();
      if (page.length === 0 || this.isFull()) return count;
    }
  }

  /** C3. Alone, somebody has to know what is unfinished: it is the only one. */
  private isFull(): boolean {
    const { residents, residentMax, shared } = this.deps;
    return shared && residents.size > residentMax;
  }

  /** At once, or behind the step of that gid that is under way. */
  private adopt(tx: GlobalTransaction): void {
    const { residents } = this.deps;
    const resident = residents.of(tx.gid);
    if (resident.waitingSteps === 0) return this.claimed(resident, tx);
    void resident
      .serially(async () => (this.closed ? undefined : this.claimed(resident, tx)))
      .finally(() => residents.forgetIfUnused(resident));
  }

  /** What memory knows of it is as new, where a step took it over, or from before it was lost. */
  private claimed(resident: Resident, tx: GlobalTransaction): void {
    const { mending, residents } = this.deps;
    if (resident.tx !== undefined && resident.tx.epoch >= tx.epoch) return;
    mending.lose(resident);
    residents.claimed(residents.of(tx.gid), tx);
  }
}
