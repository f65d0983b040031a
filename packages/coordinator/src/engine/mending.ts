/**
 * What happens where memory and row differ: somebody else has taken the transaction over, or it is ours and memory was wrong.
 *
 * M1 A transaction that is in other hands is forgotten with its timers, its waiting calls and its orders; late answers concern
 *    nobody. Those who wait for it go on waiting (see Watchers).
 * M2 What is ours is read again before anything else is done with it.
 * M3 Both happen in the transaction's mailbox: no step ever sees memory change under its hands.
 */
import { isFinished } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { RowFacts } from '../store/store';
import type { Admission } from './admission';
import type { DueQueue } from './due-queue';
import type { FanOut } from './fan-out';
import type { PayloadCache } from './payload-cache';
import type { Progress } from './progress';
import type { Resident } from './resident';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';
import type { TimerSet } from './timer-set';
import type { Watchers } from './watchers';

/** What mending needs. */
export interface MendingDeps {
  readonly incarnation: string;
  /** Whether the store is shared: to lose a transaction to another node is ordinary life there. */
  readonly shared: boolean;
  readonly residents: Residents;
  readonly reader: StoreReader;
  readonly fanOut: FanOut;
  readonly progress: Progress;
  readonly payloads: PayloadCache;
  readonly watchers: Watchers;
  readonly due: DueQueue<Resident>;
  readonly admission: Admission;
  readonly timers: TimerSet;
  readonly logger: Logger;
}

/** Time until a transaction that could not be read again is tried once more. */
const REREAD_MS = 1_000;

/** Brings memory in line with the rows. */
export class Mending {
  constructor(private readonly deps: MendingDeps) {}

  /** A write was refused: reads a transaction of ours again, or lets one go that is not ours any more. */
  mendOrLose(resident: Resident, row: RowFacts | undefined): void {
    if (row === undefined || this.isForeign(row))
      return void this.inTerm(resident, async () => this.lose(resident));
    this.tellDifference(resident, row);
    this.readAgain(resident, () => this.reread(resident));
  }

  /** Something makes it doubtful that the transaction is still ours, as memory knows it: looks, and lets it go where it is not. */
  lookAgain(resident: Resident): void {
    this.readAgain(resident, async () => {
      const row = await this.deps.reader.facts(resident.gid);
      if (row === undefined || this.isForeign(row)) return this.lose(resident);
      if (this.isNewer(resident, row)) await this.reread(resident);
    });
  }

  /** The store does not keep what memory knows of a transaction: it is in other hands, or memory is wrong. */
  missing(resident: Resident): void {
    this.readAgain(resident, async () => {
      const row = await this.deps.reader.facts(resident.gid);
      if (row === undefined || this.isForeign(row)) return this.lose(resident);
      this.tellDifference(resident, row);
      await this.reread(resident);
    });
  }

  /** Whether a row is in other hands, or gone. */
  isForeign(row: Pick<RowFacts, 'owner'> | undefined): boolean {
    return row?.owner !== this.deps.incarnation;
  }

  /** Whether a row became ours again after it was lost, and memory is from before that: a claim of ours was faster. */
  isNewer(resident: Resident, row: RowFacts): boolean {
    return this.deps.shared && resident.tx !== undefined && row.epoch > resident.tx.epoch;
  }

  /** Another node owns the row now (M1). To be called in the mailbox. */
  lose(resident: Resident): void {
    const { admission, due, fanOut, logger, payloads, progress, residents, watchers } = this.deps;
    const { gid, tx } = resident;
    if (tx === undefined) return;
    if (this.deps.shared) logger.debug({ gid }, 'the transaction is in other hands now');
    else logger.error({ alert: 'P1', gid }, 'the transaction is in other hands; dropped here');
    if (!isFinished(tx.status)) admission.lost(tx);
    due.delete(resident);
    fanOut.withdrawAll(resident);
    residents.stay(resident);
    payloads.forget(gid);
    resident.lose();
    progress.lost(resident);
    watchers.watch(resident);
    residents.forgetIfUnused(resident);
  }

  private tellDifference(resident: Resident, row: RowFacts): void {
    if (this.isNewer(resident, row)) return;
    const { gid, tx } = resident;
    const memory = tx && { status: tx.status, epoch: tx.epoch, branches: tx.branches.length };
    const fields = { alert: 'P1', gid, row, memory };
    this.deps.logger.error(fields, 'memory and store differ; the transaction is read again');
  }

  private readAgain(resident: Resident, work: () => Promise<void>): void {
    const { logger, residents, timers } = this.deps;
    this.inTerm(resident, work).catch((err: unknown) => {
      logger.warn({ gid: resident.gid, err }, 'not read again yet');
      timers.after(REREAD_MS, () => {
        // One that has left memory meanwhile is read when it comes back.
        if (residents.get(resident.gid) === resident) this.readAgain(resident, work);
      });
    });
  }

  /** M3. Does nothing where the transaction was lost before its turn came. */
  private async inTerm(resident: Resident, work: () => Promise<void>): Promise<void> {
    const { term } = resident;
    const mine = (): boolean => resident.term === term && resident.tx !== undefined;
    try {
      await resident.serially(async () => (mine() ? await work() : undefined));
    } finally {
      this.deps.residents.forgetIfUnused(resident);
    }
  }

  /** M2. It is ours: nobody else writes it, but it may be finished. */
  private async reread(resident: Resident): Promise<void> {
    const { admission, due, fanOut, residents } = this.deps;
    const tx = await this.deps.reader.load(resident.gid);
    if (tx === undefined) return this.lose(resident);
    if (resident.tx === undefined) return;
    admission.lost(resident.tx);
    fanOut.withdrawAll(resident);
    residents.stay(resident);
    if (!isFinished(tx.status)) {
      admission.resume(tx);
      return residents.adopt(resident, tx);
    }
    resident.tx = tx;
    due.delete(resident);
    resident.notify();
    residents.finished(resident);
  }
}
