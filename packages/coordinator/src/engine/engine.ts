/**
 * The engine: events of initiators and of the clock go through `decide`, what is accepted is made durable, and
 * only then answered and carried out.
 *
 * E1 Per gid one event at a time; the first enqueued wins, timers included. While its write is under way or in
 *    doubt, nothing else of that gid is decided or answered.
 * E2 Answers, waits and calls come from durable state (see Resident); nothing leaves from a pending one (I3, I4).
 * E3 Every unfinished transaction is resident and has its next step planned: a deadline, a call, or a write (I7).
 */
import {
  type Clock,
  type Decision,
  type Gid,
  type GlobalTransaction,
  type Random,
  type Scheduler,
  TercetError,
  type TransactionEvent,
  assertNever,
  decide,
  isFinished,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { ParticipantCaller } from '../participant/participant-caller';
import type { ListQuery, RowFacts, Store, StoreFailure, TransactionPage } from '../store/store';
import { BatchWriter } from './batch-writer';
import { DueQueue } from './due-queue';
import { FanOut } from './fan-out';
import { Resident } from './resident';
import { StoreReader } from './store-reader';
import { type StuckBranch, stuckBranches } from './stuck-branches';
import { TimerSet } from './timer-set';
import type { WaitOptions } from './waiters';
import type { BatchWriterLimits, TransactionOperation, WriteResult } from './write-queue';

/** Everything the engine touches besides its memory. */
export interface EngineDeps {
  readonly store: Store;
  readonly caller: ParticipantCaller;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: BatchWriterLimits;
  /** Greatest difference of clocks that a first Cancel outwaits, milliseconds. */
  readonly clockSkewMs: number;
  /** Name of this life of the node; never used again. */
  readonly incarnation: string;
  /** Told when the store stops or starts taking writes. */
  readonly onTrouble?: ((trouble: StoreFailure | undefined) => void) | undefined;
}

/** Events of one gid that may wait for each other; beyond it registrations are refused. */
const MAILBOX_MAX = 1_000;
/** Time until a transaction that could not be read again is tried once more. */
const REREAD_MS = 1_000;
/** Transactions claimed with one statement after a restart. */
const CLAIM_PAGE = 500;

/** Owns the unfinished transactions of this process. */
export class Engine {
  private readonly residents = new Map<Gid, Resident>();
  private readonly writer: BatchWriter;
  private readonly due: DueQueue<Resident>;
  private readonly fanOut: FanOut;
  private readonly reader: StoreReader;
  private readonly timers: TimerSet;
  private stopping = false;

  constructor(private readonly deps: EngineDeps) {
    this.writer = new BatchWriter(deps);
    this.reader = new StoreReader(deps.store);
    this.timers = new TimerSet(deps.scheduler);
    this.due = new DueQueue(deps, (resident) => this.onDue(resident));
    this.fanOut = new FanOut({
      ...deps,
      writer: this.writer,
      due: this.due,
      onFinished: (resident) => this.onFinished(resident),
      onLost: (resident, row) => this.mendOrLose(resident, row),
    });
  }

  /** Takes over everything unfinished and goes on with it. Resolves when all of it is resident. */
  async start(): Promise<{ readonly resumed: number }> {
    let resumed = 0;
    for (let claimed = CLAIM_PAGE; claimed === CLAIM_PAGE; ) {
      const page = await this.deps.store.claim(CLAIM_PAGE);
      claimed = page.length;
      resumed += page.length;
      for (const tx of page) {
        const resident = this.residentOf(tx.gid);
        resident.tx = tx;
        this.goOn(resident, tx);
      }
    }
    return { resumed };
  }

  /** How many transactions are in memory. */
  get residentCount(): number {
    return this.residents.size;
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
    if (this.stopping)
      return Promise.reject(new TercetError('SHUTTING_DOWN', { details: { gid } }));
    const resident = this.residentOf(gid);
    if (event.kind === 'register' && resident.waitingSteps >= MAILBOX_MAX) {
      const message = `too many requests wait for transaction ${gid}`;
      const details = { gid, limit: 'mailbox' };
      return Promise.reject(new TercetError('LIMIT_EXCEEDED', { message, details }));
    }
    return resident
      .serially(() => this.step(resident, event, options))
      .finally(() => this.evictIfUnused(resident));
  }

  /** The present truth about a transaction; rejects with TRANSACTION_NOT_FOUND. */
  async get(gid: Gid): Promise<GlobalTransaction> {
    const tx = this.residents.get(gid)?.tx ?? (await this.reader.load(gid));
    if (tx !== undefined) return tx;
    const message = `no transaction ${gid} is kept`;
    throw new TercetError('TRANSACTION_NOT_FOUND', { message, details: { gid } });
  }

  /** The same, once a fact holds or the wait is over. */
  async wait(gid: Gid, options: WaitOptions): Promise<GlobalTransaction> {
    const resident = this.residents.get(gid);
    if (resident?.tx === undefined || this.stopping) return await this.get(gid);
    const waiting = resident.waiters.wait(options);
    resident.waiters.notify(resident.tx);
    await waiting;
    this.evictIfUnused(resident);
    return resident.tx ?? (await this.get(gid));
  }

  /** The stuck branches, the oldest decision first. */
  stuck(): readonly StuckBranch[] {
    const transactions = [...this.residents.values()].flatMap(({ tx }) => tx ?? []);
    const { clock, clockSkewMs } = this.deps;
    return stuckBranches(transactions, { now: clock.now(), clockSkewMs });
  }

  /** Lists transactions from the store. */
  list(query: ListQuery): Promise<TransactionPage> {
    return this.reader.list(query);
  }

  /**
   * Takes no new work, gives running calls up, and makes durable what is known, for at most `graceMs`. What is not
   * durable then was never acknowledged; the next start goes on with it.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.timers.close();
    this.due.clear();
    for (const resident of this.residents.values()) resident.waiters.release();
    const flushed = this.fanOut.stop().then(() => this.writer.drain());
    await new Promise<void>((resolve) => {
      const timer = this.deps.scheduler.after(graceMs, resolve);
      void flushed.then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.writer.abandon();
    this.due.clear();
    this.residents.clear();
  }

  private residentOf(gid: Gid): Resident {
    let resident = this.residents.get(gid);
    if (resident === undefined) {
      resident = new Resident(gid, this.deps.scheduler);
      this.residents.set(gid, resident);
    }
    return resident;
  }

  private async step(
    resident: Resident,
    event: TransactionEvent,
    options: { readonly expiresAt?: number | undefined },
  ): Promise<GlobalTransaction> {
    // An opening is tried without asking the store: its insert finds out. Any other event needs what is there.
    const optimistic = event.kind === 'register' && event.opening !== undefined;
    const known = resident.tx ?? (optimistic ? undefined : await this.reader.load(resident.gid));
    const decision = decide({ gid: resident.gid, tx: known }, event, this.deps.clock.now());
    if (decision.kind !== 'accepted') return answerOf(decision);
    if (known !== undefined && resident.tx === undefined) throw this.moved(resident);
    const result = await this.writer.write(operationOf(decision, known), options);
    if (result.kind === 'refused' && known === undefined) {
      return await this.answerForExisting(resident, event);
    }
    return this.written(resident, decision.next, result);
  }

  /** The gid exists already: an open meets a finished transaction, or one in other hands. */
  private async answerForExisting(
    resident: Resident,
    event: TransactionEvent,
  ): Promise<GlobalTransaction> {
    const tx = await this.reader.load(resident.gid);
    if (tx === undefined) throw this.moved(resident);
    const decision = decide({ gid: resident.gid, tx }, event, this.deps.clock.now());
    if (decision.kind === 'accepted') throw this.moved(resident);
    return answerOf(decision);
  }

  private written(
    resident: Resident,
    next: GlobalTransaction,
    result: WriteResult,
  ): GlobalTransaction {
    switch (result.kind) {
      case 'dropped':
        // A doubt that came before may have raised the row's epoch.
        if (resident.tx !== undefined) resident.tx = { ...resident.tx, epoch: result.epoch };
        throw result.error;
      case 'refused':
        this.mendOrLose(resident, result.row);
        throw this.moved(resident);
      case 'applied': {
        const tx = { ...next, epoch: result.epoch };
        resident.tx = tx;
        if (tx.decidedAt !== undefined) {
          this.deps.logger.debug(
            { gid: tx.gid, status: tx.status, cause: tx.cause?.kind },
            'decided',
          );
        }
        resident.waiters.notify(tx);
        this.goOn(resident, tx);
        return tx;
      }
      default:
        return assertNever(result, 'write result');
    }
  }

  /** Plans the next step of a transaction whose durable state has just become known (E3). */
  private goOn(resident: Resident, tx: GlobalTransaction): void {
    if (isFinished(tx.status)) return this.onFinished(resident);
    if (tx.status === 'trying') return this.due.set(resident, tx.deadlineAt);
    this.due.delete(resident);
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

  private onFinished(resident: Resident): void {
    if (resident.tx !== undefined) resident.waiters.notify(resident.tx);
    this.due.delete(resident);
    this.evictIfUnused(resident);
  }

  private evictIfUnused(resident: Resident): void {
    const over = resident.tx === undefined || isFinished(resident.tx.status);
    if (over && resident.unused && this.residents.get(resident.gid) === resident) {
      this.residents.delete(resident.gid);
    }
  }

  /** A write was refused: the row is in other hands, or it is ours and memory was wrong about it. */
  private mendOrLose(resident: Resident, row: RowFacts | undefined): void {
    if (row?.owner !== this.deps.incarnation) return this.lose(resident);
    const fields = { alert: 'P1', gid: resident.gid, row };
    this.deps.logger.error(fields, 'memory and store differ; the transaction is read again');
    resident
      .serially(async () => {
        const tx = await this.reader.load(resident.gid);
        if (tx === undefined || resident.tx === undefined) return this.lose(resident);
        resident.tx = tx;
        resident.waiters.notify(tx);
        this.goOn(resident, tx);
      })
      .catch((err: unknown) => {
        this.deps.logger.warn({ gid: resident.gid, err }, 'not read again yet');
        this.timers.after(REREAD_MS, () => this.mendOrLose(resident, row));
      })
      .finally(() => this.evictIfUnused(resident));
  }

  /** Another node owns the row now: forget the transaction, its timers and its late answers. */
  private lose(resident: Resident): void {
    const fields = { alert: 'P1', gid: resident.gid };
    this.deps.logger.error(fields, 'the transaction is in other hands; dropped here');
    this.due.delete(resident);
    resident.tx = undefined;
    resident.waiters.release();
    if (this.residents.get(resident.gid) === resident) this.residents.delete(resident.gid);
  }

  private moved(resident: Resident): TercetError {
    return new TercetError('MOVED', { details: { gid: resident.gid } });
  }
}

function answerOf(decision: Exclude<Decision, { kind: 'accepted' }>): GlobalTransaction {
  if (decision.kind === 'rejected') throw decision.error;
  return decision.current;
}

function operationOf(
  decision: Extract<Decision, { kind: 'accepted' }>,
  known: GlobalTransaction | undefined,
): TransactionOperation {
  const { change, next } = decision;
  switch (change.kind) {
    case 'opened':
      return { kind: 'open', tx: next };
    case 'extended':
      return { kind: 'extend', tx: next, before: known?.branches.length ?? 0 };
    case 'decided':
      return { kind: 'decide', tx: next };
    default:
      return assertNever(change, 'change');
  }
}
