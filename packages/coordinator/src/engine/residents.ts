/**
 * Which unfinished transactions are in memory.
 *
 * R1 Every unfinished transaction of this incarnation is in memory with its next step planned, or comes back by the
 *    due scan before that step is late (I7).
 * R2 Above the limit those leave that only wait: for a deadline, for the time of a retry, behind a gate, for an
 *    operator. One with a call, a write, a step or a waiter stays.
 * R3 What only memory knows is written before a transaction leaves; its row says when it has to be back.
 */
import {
  type Clock,
  type Gid,
  type GlobalTransaction,
  type Random,
  ReleasingMap,
  type Scheduler,
  isFinished,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { DuePosition } from '../store/store';
import { Absentees } from './absentees';
import type { Admission } from './admission';
import type { LeanForms } from './lean';
import type { PayloadCache } from './payload-cache';
import type { Progress } from './progress';
import { Resident } from './resident';
import type { StoreReader } from './store-reader';
import { TimerSet } from './timer-set';

/** What keeping residents needs. */
export interface ResidentsDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly reader: StoreReader;
  readonly payloads: PayloadCache;
  readonly forms: LeanForms;
  readonly progress: Progress;
  readonly admission: Admission;
  /** Most unfinished transactions in memory. */
  readonly residentMax: number;
  /** A transaction has come into memory: plan its next step. */
  readonly onAdopted: (resident: Resident, tx: GlobalTransaction) => void;
  /** A transaction leaves memory: take its plans and waiting calls back. */
  readonly onLeaving: (resident: Resident) => void;
  /** Nothing is in memory any more. */
  readonly onEmpty: () => void;
}

/** What is due sooner than this stays: it would be back at once. */
const SOON_MS = 2_000;
/** What waits behind a gate is back after this long at the earliest, and after twice this long at the latest. */
const GATED_MS = 30_000;
/** Time between two scans for what is due and not in memory. */
const SCAN_MS = 1_000;
/** Rows of one page of the scan. */
const SCAN_PAGE = 500;
/** Residents looked at for each one that is too many, so that a memory full of busy ones costs little. */
const LOOKS = 16;

/** The residents. */
export class Residents {
  private readonly byGid = new ReleasingMap<Gid, Resident>();
  private readonly timers: TimerSet;
  private readonly absent: Absentees;
  /** What came into memory while a claim is under way: it is newer than what the claim will show. */
  private news: Set<Gid> | undefined;
  private scanning = false;
  private leavers = 0;
  private left: (() => void)[] = [];

  constructor(private readonly deps: ResidentsDeps) {
    this.timers = new TimerSet(deps.scheduler);
    this.absent = new Absentees(deps.admission);
  }

  /** How many are in memory. */
  get size(): number {
    return this.byGid.size;
  }

  /** How many unfinished ones are not. */
  get absentCount(): number {
    return this.absent.size;
  }

  /** Whether a transaction is ours and unfinished, but not in memory. */
  isAbsent(gid: Gid): boolean {
    return this.absent.has(gid);
  }

  /** All of them. */
  all(): Generator<Resident, void, undefined> {
    return this.byGid.values();
  }

  /** The resident of a gid, or undefined. */
  get(gid: Gid): Resident | undefined {
    return this.byGid.get(gid);
  }

  /** The resident of a gid, an empty one where there is none. */
  of(gid: Gid): Resident {
    let resident = this.byGid.get(gid);
    if (resident === undefined) {
      resident = new Resident(gid, this.deps.scheduler);
      this.byGid.set(gid, resident);
    }
    return resident;
  }

  /** Puts a transaction that was read from the store into memory and plans its next step. */
  adopt(resident: Resident, tx: GlobalTransaction): void {
    this.news?.add(tx.gid);
    this.deps.payloads.keep(tx.gid, tx.branches);
    resident.tx = this.deps.forms.transaction(tx);
    resident.notify();
    this.deps.onAdopted(resident, resident.tx);
    this.makeRoom();
  }

  /** The unfinished transactions that memory takes for ours, those that are absent last; opened before `time`, as far as it tells. */
  *openedBefore(time: number): Generator<Gid, void, undefined> {
    for (const { gid, tx } of this.byGid.values()) {
      if (tx !== undefined && !isFinished(tx.status) && tx.openedAt < time) yield gid;
    }
    yield* this.absent.all();
  }

  /** An absent transaction is in other hands, or finished. */
  gone(gid: Gid): void {
    this.absent.gone(gid);
  }

  /** Reads a transaction of ours into memory that is not there. False = it is not one of ours, or it is finished. */
  async bring(resident: Resident): Promise<boolean> {
    const { gid } = resident;
    const tx = await this.deps.reader.loadOwned(gid);
    if (resident.tx !== undefined) return true;
    if (tx === undefined) {
      this.absent.gone(gid);
      return false;
    }
    this.absent.back(tx);
    this.adopt(resident, tx);
    return true;
  }

  /** A transaction has become ours in the store: it comes into memory, now by `bring` or later by itself. */
  took(gid: Gid): void {
    this.absent.took(gid);
    this.planScan();
  }

  /** A transaction has become ours in the store, and was read. */
  claimed(resident: Resident, tx: GlobalTransaction): void {
    this.absent.took(tx.gid);
    this.absent.back(tx);
    this.adopt(resident, tx);
  }

  /** Runs one claim; `has` of its second answer tells whether a transaction came into memory meanwhile. */
  async duringClaim<T>(claim: () => Promise<T>): Promise<readonly [T, ReadonlySet<Gid>]> {
    const news = new Set<Gid>();
    this.news = news;
    try {
      return [await claim(), news];
    } finally {
      this.news = undefined;
    }
  }

  /** What is there: in memory, or read into it where it is unfinished and ours, or else as the store has it. */
  async present(resident: Resident): Promise<GlobalTransaction | undefined> {
    if (resident.tx === undefined) await this.bring(resident);
    return resident.tx ?? (await this.deps.reader.load(resident.gid));
  }

  /** Forgets a resident that nobody needs: one without a transaction, or with a finished one. */
  forgetIfUnused(resident: Resident): void {
    const over = resident.tx === undefined || isFinished(resident.tx.status);
    if (!over || !resident.unused || this.byGid.get(resident.gid) !== resident) return;
    this.drop(resident.gid);
  }

  /** A resident's transaction is durable in its end. */
  finished(resident: Resident): void {
    this.stay(resident);
    this.deps.payloads.forget(resident.gid);
    this.forgetIfUnused(resident);
  }

  /** A write of a resident is durable: one that was leaving is gone now, unless something has come up. */
  saved(resident: Resident): void {
    if (!this.stay(resident)) return;
    if (resident.idle && this.byGid.get(resident.gid) === resident && this.isBackInTime(resident))
      this.remove(resident);
  }

  /** A resident that was leaving stays, or has ended. False = it was not leaving. */
  stay(resident: Resident): boolean {
    if (resident.leaving === undefined) return false;
    resident.leaving = undefined;
    this.leavers--;
    if (this.leavers === 0) for (const resolve of this.left.splice(0)) resolve();
    return true;
  }

  /** Lets waiting ones leave while there are too many. */
  makeRoom(): void {
    const { residentMax } = this.deps;
    for (let looks = LOOKS; looks > 0 && this.byGid.size - this.leavers > residentMax; looks--) {
      const [oldest] = this.byGid.values();
      if (oldest === undefined) return;
      // Behind all others: the next look is at another one.
      this.byGid.delete(oldest.gid);
      this.byGid.set(oldest.gid, oldest);
      if (this.sendAway(oldest)) looks = LOOKS + 1;
    }
  }

  /** Resolves when those that are leaving have left. */
  async roomMade(): Promise<void> {
    this.makeRoom();
    if (this.leavers > 0) await new Promise<void>((resolve) => this.left.push(resolve));
  }

  /** Ends the scans. */
  close(): void {
    this.timers.close();
  }

  /** Forgets all. */
  clear(): void {
    this.byGid.clear();
    this.absent.clear();
    this.deps.payloads.clear();
  }

  private sendAway(resident: Resident): boolean {
    const { tx } = resident;
    if (tx === undefined || !resident.idle || resident.leaving !== undefined) return false;
    const until = this.backAt(resident, tx);
    if (until !== undefined && until - this.deps.clock.now() < SOON_MS) return false;
    if (tx.status === 'trying') {
      this.remove(resident);
      return true;
    }
    // Why it is held back is known in memory only.
    resident.unsaved ||= resident.calls.length > 0;
    resident.leaving = { until };
    this.leavers++;
    this.deps.progress.save(resident);
    return true;
  }

  /** Whether the row says so early enough; an order or an answer may have come since it was made. */
  private isBackInTime(resident: Resident): boolean {
    const { tx, storedNextAt } = resident;
    if (tx === undefined) return false;
    const gated = resident.calls.length > 0;
    const next = gated ? this.deps.clock.now() + 2 * GATED_MS : this.deps.progress.nextAt(tx);
    return next === undefined || (storedNextAt !== undefined && storedNextAt <= next);
  }

  /** When a resident that leaves now has to be back. */
  private backAt(resident: Resident, tx: GlobalTransaction): number | undefined {
    if (resident.calls.length === 0) return this.deps.progress.nextAt(tx);
    const spread = GATED_MS * (1 + this.deps.random.unit());
    return this.deps.clock.now() + Math.floor(spread);
  }

  private remove(resident: Resident): void {
    this.deps.onLeaving(resident);
    this.deps.payloads.forget(resident.gid);
    // Whoever still holds this object finds nothing to act on: another one will come in its place.
    const { tx } = resident;
    resident.tx = undefined;
    this.drop(resident.gid);
    if (tx !== undefined) this.absent.left(tx);
    this.planScan();
  }

  private drop(gid: Gid): void {
    this.byGid.delete(gid);
    // A repeat that came after the end has read them once more.
    this.deps.payloads.forget(gid);
    if (this.byGid.size === 0) this.deps.onEmpty();
  }

  private planScan(): void {
    if (this.scanning || this.absent.size === 0) return;
    this.scanning = true;
    this.timers.after(SCAN_MS, () => {
      this.scan()
        .catch((err: unknown) => this.deps.logger.warn({ err }, 'due transactions not read yet'))
        .finally(() => {
          this.scanning = false;
          this.planScan();
        });
    });
  }

  /** Brings back what is due and absent, the longest due first, as far as there is room. */
  private async scan(): Promise<void> {
    for (const gid of this.absent.toRead) await this.bringBack(gid);
    const before = this.deps.clock.now() + SCAN_MS;
    let after: DuePosition | undefined;
    for (let found = SCAN_PAGE; found === SCAN_PAGE; ) {
      const page = await this.deps.reader.due({ before, after, limit: SCAN_PAGE });
      found = page.length;
      after = page.at(-1);
      let brought = 0;
      for (const { gid } of page) {
        const here = this.byGid.get(gid)?.tx !== undefined;
        if (!here && (await this.bringBack(gid))) brought++;
      }
      await this.roomMade();
      if (brought > 0 && this.byGid.size > this.deps.residentMax) return;
    }
  }

  private async bringBack(gid: Gid): Promise<boolean> {
    const resident = this.of(gid);
    try {
      return await resident.serially(() => this.bring(resident));
    } catch (err) {
      // One that cannot be read keeps no other one out.
      this.deps.logger.warn({ gid, err }, 'not read back yet');
      return false;
    } finally {
      this.forgetIfUnused(resident);
    }
  }
}
