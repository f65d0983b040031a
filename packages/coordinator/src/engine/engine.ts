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
  decidedByTimeAt,
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
import { Orders } from './orders';
import { OwnershipCheck } from './ownership-check';
import { Progress } from './progress';
import type { OrderResult, Resident } from './resident';
import { Residents } from './residents';
import { Retention } from './retention';
import { Steps } from './steps';
import { StoreReader } from './store-reader';
import { StuckWatch } from './stuck-watch';
import { Sweep } from './sweep';
import { Takeover } from './takeover';
import { type StuckBranch, stuckBranches, unfinished } from './stuck-branches';
import { TimerSet } from './timer-set';
import { Truth } from './truth';
import type { WaitOptions } from './waiters';
import { Watchers } from './watchers';

export type { EngineDeps, EngineLimits } from './engine-deps';

/** Events of one gid that may wait for each other; beyond it registrations are refused. */
const MAILBOX_MAX = 1_000;
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
  private readonly truth: Truth;
  /** Other nodes use the store, too: what memory knows may be theirs by now. */
  private readonly shared: boolean;
  private readonly sweep: Sweep;
  private readonly ownership: OwnershipCheck;
  private readonly retention: Retention;
  private stopping = false;
  private givenUp = false;

  constructor(private readonly deps: EngineDeps) {
    const { limits } = deps;
    this.shared = deps.store.nodes !== undefined;
    this.writer = new BatchWriter(deps);
    this.reader = new StoreReader(deps.store);
    this.timers = new TimerSet(deps.scheduler);
    this.retention = new Retention(deps);
    this.admission = new Admission(limits);
    this.due = new DueQueue(deps, (resident) => this.onDue(resident));
    const goOn = (resident: Resident, tx: GlobalTransaction): void => this.goOn(resident, tx);
    const onIdle = (resident: Resident): void => this.residents.forgetIfUnused(resident);
    const parts = {
      ...deps,
      shared: this.shared,
      onIdle,
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
      onForeign: (resident) => this.mending.missing(resident),
    });
    const watchers = new Watchers({
      ...parts,
      onNewer: (resident) => this.mending.lookAgain(resident),
    });
    const whole = {
      ...parts,
      progress,
      residents: this.residents,
      fanOut: this.fanOut,
      watchers,
      goOn,
    };
    this.mending = new Mending(whole);
    const all = { ...whole, mending: this.mending, takeover: new Takeover(whole) };
    this.sweep = new Sweep({ ...all, residentMax: limits.residentMax });
    this.ownership = new OwnershipCheck(all);
    this.truth = new Truth({ ...all, isStopping: () => this.stopping });
    this.stuckWatch = new StuckWatch(whole);
    this.orders = new Orders({ ...all, decide: (gid, event) => this.submit(gid, event) });
    this.steps = new Steps(all);
  }

  /**
   * Takes over what is unfinished and belongs to no live node, and goes on with it. Where this process has the store alone, it
   * resolves when all of it is in memory, or planned; where nodes share the store, at once, and goes on in the background.
   */
  async start(): Promise<{ readonly resumed: number }> {
    const resumed = await this.sweep.start();
    this.retention.start();
    this.ownership.start();
    return { resumed };
  }

  /** Another node has gone: what it owned is taken over now, in the background. */
  nodeGone(): void {
    this.sweep.now();
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
    if (this.stopping) return Promise.reject(this.refusal(gid));
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
    if (this.stopping) return Promise.reject(this.refusal(gid));
    return this.orders.take(gid, event, signal);
  }

  /** The present truth about a transaction; rejects with TRANSACTION_NOT_FOUND. */
  get(gid: Gid): Promise<GlobalTransaction> {
    return this.truth.get(gid);
  }

  /** The value that the deciding commit carried; undefined where there is none. */
  result(gid: Gid): Promise<Uint8Array | undefined> {
    return this.reader.loadResult(gid);
  }

  /** The present truth, once a fact holds or the wait is over. */
  wait(gid: Gid, options: WaitOptions): Promise<GlobalTransaction> {
    return this.truth.wait(gid, options);
  }

  /** The stuck branches, the oldest decision first. Reads from the store what is not in memory. */
  async stuck(): Promise<readonly StuckBranch[]> {
    const { clock, clockSkewMs } = this.deps;
    const transactions = await unfinished(this.residents, this.reader, this.shared);
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
    this.close();
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

  /**
   * This incarnation is over: what it owned is, or will be, in other hands. Nothing is called, answered or written from its
   * memory any more; commands under way reject with MOVED, and so do waits.
   */
  giveUp(): void {
    this.givenUp = true;
    this.fanOut.giveUp();
    this.reader.close();
    const all = [...this.residents.all()];
    // Whoever still holds one of them finds nothing to act on.
    for (const resident of all) resident.lose();
    this.residents.clear();
    this.writer.giveUp(lifeOver());
    for (const resident of all) resident.release();
    this.close();
  }

  /** Resolves when nothing that this engine asked of the store, and that could change it, is on its way any more. */
  async quiet(): Promise<void> {
    await Promise.all([this.writer.quiet(), this.sweep.quiet()]);
  }

  private close(): void {
    this.stopping = true;
    this.timers.close();
    this.sweep.close();
    this.retention.close();
    this.residents.close();
    this.stuckWatch.close();
    this.due.close();
    for (const resident of this.residents.all()) resident.release();
  }

  private refusal(gid: Gid): TercetError {
    return this.givenUp ? lifeOver() : new TercetError('SHUTTING_DOWN', { details: { gid } });
  }

  /** Plans the next step of a transaction whose durable state has just become known (E3). */
  private goOn(resident: Resident, tx: GlobalTransaction): void {
    if (isFinished(tx.status)) return this.onFinished(resident);
    if (tx.status === 'trying') return this.planDeadline(resident, tx);
    this.due.delete(resident);
    this.stuckWatch.watch(tx);
    this.fanOut.drive(resident);
  }

  /** What is held is never decided by time. */
  private planDeadline(resident: Resident, tx: GlobalTransaction): void {
    const at = decidedByTimeAt(tx);
    if (at === undefined) this.due.delete(resident);
    else this.due.set(resident, at);
  }

  private onDue(resident: Resident): void {
    if (resident.tx?.status !== 'trying') return this.fanOut.drive(resident);
    this.submit(resident.gid, { kind: 'deadline' }).then(
      // Early by a jump of the clock: plan again.
      (tx) => (tx.status === 'trying' ? this.planDeadline(resident, tx) : undefined),
      (error: unknown) => {
        // In other hands it is their business.
        if (error instanceof TercetError && error.code === 'MOVED') return;
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

/** Told to whoever asked an engine that was given up. */
export function lifeOver(): TercetError {
  const message =
    'this coordinator was taken for dead by another one and begins anew: send the request again';
  return new TercetError('MOVED', { message, details: { reason: 'removed' } });
}
