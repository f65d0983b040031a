/**
 * The engine: events of initiators and of the clock go through `decide`, what is accepted is made durable, and
 * only then answered and carried out.
 *
 * E1 Per gid one event at a time; the first enqueued wins, timers included. While its write is under way or in
 *    doubt, nothing else of that gid is decided or answered.
 * E2 Answers, waits and calls come from durable state (see Resident); nothing leaves from a pending one (I3, I4).
 * E3 Every unfinished transaction has its next step planned: a deadline, a call, a write, or its return into memory
 *    (I7, see Residents).
 */
import {
  type CallSignal,
  type Gid,
  type GlobalTransaction,
  type OperatorEvent,
  TercetError,
  type TransactionEvent,
  factReached,
  holds,
  isFinished,
} from '@tercet/core';
import type { ListQuery, TransactionPage } from '../store/store';
import { Admission } from './admission';
import { BatchWriter } from './batch-writer';
import { DueQueue } from './due-queue';
import type { EngineDeps } from './engine-deps';
import { FanOut } from './fan-out';
import { Gates } from './gates';
import { InterceptorChain } from './interceptors';
import { LeanForms } from './lean';
import { PayloadCache } from './payload-cache';
import { Mending } from './mending';
import { Orders, notFound } from './orders';
import { Progress } from './progress';
import type { OrderResult, Resident } from './resident';
import { Residents } from './residents';
import { Steps } from './steps';
import { StoreReader } from './store-reader';
import { StuckWatch } from './stuck-watch';
import { type StuckBranch, stuckBranches, unfinished } from './stuck-branches';
import { TimerSet } from './timer-set';
import type { WaitOptions } from './waiters';

export type { EngineDeps, EngineLimits } from './engine-deps';

/** Events of one gid that may wait for each other; beyond it registrations are refused. */
const MAILBOX_MAX = 1_000;
/** Transactions claimed with one statement after a restart. */
const CLAIM_PAGE = 500;
/** Of the grace at a stop, the part in which running calls may end by themselves; the rest is for their writes. */
const CALLS_SHARE = 0.6;

/** Owns the unfinished transactions of this process. */
export class Engine {
  private readonly residents: Residents;
  private readonly writer: BatchWriter;
  private readonly due: DueQueue<Resident>;
  private readonly fanOut: FanOut;
  private readonly steps: Steps;
  private readonly orders: Orders;
  private readonly reader: StoreReader;
  private readonly timers: TimerSet;
  private readonly admission: Admission;
  private readonly mending: Mending;
  private readonly stuckWatch: StuckWatch;
  private stopping = false;

  constructor(private readonly deps: EngineDeps) {
    const { limits } = deps;
    this.writer = new BatchWriter(deps);
    this.reader = new StoreReader(deps.store);
    this.timers = new TimerSet(deps.scheduler);
    this.admission = new Admission(limits);
    this.due = new DueQueue(deps, (resident) => this.onDue(resident));
    const goOn = (resident: Resident, tx: GlobalTransaction): void => this.goOn(resident, tx);
    const parts = {
      ...deps,
      reader: this.reader,
      writer: this.writer,
      due: this.due,
      admission: this.admission,
      timers: this.timers,
      forms: new LeanForms(),
      payloads: new PayloadCache(this.reader, limits.payloadCacheBytesMax),
      interceptors: new InterceptorChain({ ...deps, interceptors: deps.interceptors ?? [] }),
      gates: new Gates({
        ...deps,
        connections: deps.caller,
        concurrencyMax: limits.targetConcurrencyMax,
      }),
    };
    const progress = new Progress({
      ...parts,
      onSaved: (resident) => this.onSaved(resident),
      onFinished: (resident) => this.onFinished(resident),
      onLost: (resident, row) => this.mending.mendOrLose(resident, row),
    });
    this.residents = new Residents({
      ...parts,
      residentMax: limits.residentMax,
      progress,
      onAdopted: goOn,
      onLeaving: (resident) => this.unplan(resident),
      onEmpty: () => this.stuckWatch.rest(),
    });
    this.fanOut = new FanOut({
      ...parts,
      progress,
      onForeign: (resident) => this.mending.mendOrLose(resident, { owner: deps.incarnation }),
    });
    const whole = { ...parts, progress, residents: this.residents, fanOut: this.fanOut, goOn };
    this.mending = new Mending(whole);
    this.stuckWatch = new StuckWatch(whole);
    this.orders = new Orders(whole);
    this.steps = new Steps({
      ...whole,
      onRefused: (resident, row) => this.mending.mendOrLose(resident, row),
    });
  }

  /** Takes over everything unfinished and goes on with it. Resolves when all of it is in memory, or planned. */
  async start(): Promise<{ readonly resumed: number }> {
    let resumed = 0;
    for (let claimed = CLAIM_PAGE; claimed === CLAIM_PAGE; ) {
      const page = await this.deps.store.claim(CLAIM_PAGE);
      claimed = page.length;
      resumed += page.length;
      for (const tx of page) {
        this.admission.resume(tx);
        this.residents.adopt(this.residents.of(tx.gid), tx);
      }
      await this.residents.roomMade();
    }
    return { resumed };
  }

  /** How many transactions are in memory. */
  get residentCount(): number {
    return this.residents.size;
  }

  /** How many unfinished transactions are not in memory at the moment. */
  get absentCount(): number {
    return this.residents.absentCount;
  }

  /** Unfinished work as admission counts it, in memory or not. */
  get unfinished(): { readonly undecided: number; readonly targets: number } {
    return { undecided: this.admission.undecided, targets: this.admission.targets };
  }

  /** Why the store takes no writes at the moment; undefined while it does. */
  get storeTrouble(): string | undefined {
    return this.writer.storeTrouble?.message;
  }

  /**
   * Brings an event to a transaction. Resolves with the durable state after it; rejects with the TercetError that
   * `decide` or the store gave. Repeating is safe.
   */
  submit(
    gid: Gid,
    event: TransactionEvent,
    options: { readonly expiresAt?: number | undefined } = {},
  ): Promise<GlobalTransaction> {
    if (this.stopping) return Promise.reject(shuttingDown(gid));
    const resident = this.residents.of(gid);
    if (event.kind === 'register' && resident.waitingSteps >= MAILBOX_MAX) {
      const message = `too many requests wait for transaction ${gid}`;
      const details = { gid, limit: 'mailbox' };
      return Promise.reject(new TercetError('LIMIT_EXCEEDED', { message, details }));
    }
    return resident
      .serially(() => this.steps.take(resident, event, options))
      .finally(() => this.residents.forgetIfUnused(resident));
  }

  /**
   * Carries out what an operator asks of a decided transaction's branches. Resolves when it is durable; rejects with
   * the TercetError that `operate` or the store gave. Repeating is safe.
   */
  operate(gid: Gid, event: OperatorEvent, signal?: CallSignal): Promise<OrderResult> {
    if (this.stopping) return Promise.reject(shuttingDown(gid));
    return this.orders.take(gid, event, signal);
  }

  /** The present truth about a transaction; rejects with TRANSACTION_NOT_FOUND. */
  async get(gid: Gid): Promise<GlobalTransaction> {
    const tx = this.residents.get(gid)?.tx ?? (await this.reader.load(gid));
    if (tx !== undefined) return tx;
    throw notFound(gid);
  }

  /** The value that the deciding commit carried; undefined where there is none. */
  result(gid: Gid): Promise<Uint8Array | undefined> {
    return this.reader.loadResult(gid);
  }

  /** The present truth, once a fact holds or the wait is over. */
  async wait(gid: Gid, options: WaitOptions): Promise<GlobalTransaction> {
    if (this.stopping) return await this.get(gid);
    const resident = this.residents.of(gid);
    try {
      if (resident.tx === undefined && this.residents.absentCount > 0) {
        await resident.serially(() => this.residents.bring(resident));
      }
      if (resident.tx === undefined || this.stopping) return await this.get(gid);
      // Looks at this wait alone: thousands may wait for the same transaction.
      const { fact, timeoutMs } = options;
      const there = timeoutMs <= 0 || holds(factReached(resident.tx), fact);
      if (!there) await resident.waiters.wait(options);
      return resident.tx ?? (await this.get(gid));
    } finally {
      this.residents.forgetIfUnused(resident);
    }
  }

  /** The stuck branches, the oldest decision first. Reads from the store what is not in memory. */
  async stuck(): Promise<readonly StuckBranch[]> {
    const { clock, clockSkewMs } = this.deps;
    const transactions = await unfinished(this.residents, this.reader);
    return stuckBranches(transactions, { now: clock.now(), clockSkewMs });
  }

  /** Lists transactions from the store. */
  list(query: ListQuery): Promise<TransactionPage> {
    return this.reader.list(query);
  }

  /**
   * Takes no new work and starts no more calls; running ones may end by themselves for a part of `graceMs`, then they
   * are given up. Makes durable what is known. What is not durable in the end was never acknowledged; the next start
   * goes on with it. Takes at most `graceMs`.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.timers.close();
    this.residents.close();
    this.stuckWatch.close();
    this.due.close();
    for (const resident of this.residents.all()) resident.release();
    const flushed = this.fanOut.stop(graceMs * CALLS_SHARE).then(() => this.writer.drain());
    await new Promise<void>((resolve) => {
      const timer = this.deps.scheduler.after(graceMs, resolve);
      void flushed.then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.writer.abandon();
    this.residents.clear();
  }

  /** Plans the next step of a transaction whose durable state has just become known (E3). */
  private goOn(resident: Resident, tx: GlobalTransaction): void {
    if (isFinished(tx.status)) return this.onFinished(resident);
    if (tx.status === 'trying') return this.due.set(resident, tx.deadlineAt);
    this.due.delete(resident);
    this.stuckWatch.watch(tx);
    this.fanOut.drive(resident);
  }

  private onDue(resident: Resident): void {
    if (resident.tx?.status !== 'trying') return this.fanOut.drive(resident);
    this.submit(resident.gid, { kind: 'deadline' }).then(
      // Early by a jump of the clock: plan again.
      (tx) => (tx.status === 'trying' ? this.due.set(resident, tx.deadlineAt) : undefined),
      (error: unknown) => {
        this.deps.logger.warn({ gid: resident.gid, err: error }, 'deadline not decided');
      },
    );
  }

  /** In an ordered phase two, an operator's verdict or retry may make a branch due. */
  private onSaved(resident: Resident): void {
    this.residents.saved(resident);
    if (this.residents.get(resident.gid) === resident) this.fanOut.drive(resident);
  }

  private unplan(resident: Resident): void {
    this.due.delete(resident);
    this.fanOut.withdrawAll(resident);
  }

  private onFinished(resident: Resident): void {
    resident.notify();
    this.due.delete(resident);
    this.residents.finished(resident);
  }
}

function shuttingDown(gid: Gid): TercetError {
  return new TercetError('SHUTTING_DOWN', { details: { gid } });
}
