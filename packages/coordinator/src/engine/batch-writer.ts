/**
 * Group commit: writes queue while the previous commit is under way and leave together. Whatever the store says,
 * every write ends with a definite result.
 *
 * W1 One batch is under way at a time, and holds at most one operation per gid.
 * W2 A registration whose caller's deadline has passed is dropped before it is written; a decision never is.
 * W3 After an unknown failure nothing is answered before it is resolved by writing: an open and a take are repeated (they
 *    meet their own row), anything else first raises the row's epoch, which fences a write that is still under way.
 * W4 Poison stands alone in the end: a registration gets the error, a decision or an outcome is kept and retried.
 * W5 A store that takes no writes refuses new work at once and is probed until it does; decisions and outcomes wait.
 * W6 Riders (completions, attempts) never start a commit before RIDE_DELAY_MS; they join any commit that leaves.
 * W7 A writer that was given up writes nothing more, and answers nothing more: what had no result was dropped.
 */
import {
  type Clock,
  type Random,
  type Scheduler,
  TercetError,
  type Timer,
  assertNever,
  nextDelayMs,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import {
  type OperationResult,
  type Store,
  StoreFailure,
  type StoreOperation,
} from '../store/store';
import { questionOf, resultOf, verdictOf } from './doubt';
import { StoreTrouble } from './store-trouble';
import { TimerSet } from './timer-set';
import {
  type BatchWriterLimits,
  type QueuedWrite,
  type Rider,
  type TransactionOperation,
  WriteQueue,
  type WriteResult,
  epochOf,
  isNewWork,
  transactionOf,
} from './write-queue';

/** What the writer needs. */
export interface BatchWriterDeps {
  readonly store: Store;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: BatchWriterLimits;
  /** Told when the store stops or starts taking writes. */
  readonly onTrouble?: ((trouble: StoreFailure | undefined) => void) | undefined;
}

const retryDelays = { firstDelayMs: 20, maxDelayMs: 2_000 };
/** How long riders wait for a commit to join: a completion is no news to anybody who waits for executed. */
const RIDE_DELAY_MS = 20;

/** The only caller of {@link Store.write}. */
export class BatchWriter {
  private readonly queue: WriteQueue;
  private rideTimer: Timer | undefined;
  private pumping = false;
  private idle: (() => void)[] = [];
  private closed = false;
  /** Why nothing is written any more (W7). */
  private givenUp: TercetError | undefined;
  /** The last call of the store. */
  private onItsWay: Promise<unknown> = Promise.resolve();
  /** Taken from the queue, and without a result. */
  private readonly underWay = new Set<QueuedWrite>();
  private readonly timers: TimerSet;
  private readonly trouble: StoreTrouble;

  constructor(private readonly deps: BatchWriterDeps) {
    this.queue = new WriteQueue(deps.limits);
    this.timers = new TimerSet(deps.scheduler);
    this.trouble = new StoreTrouble({ ...deps, timers: this.timers });
  }

  /** Why the store takes no writes at the moment; undefined while it does. */
  get storeTrouble(): StoreFailure | undefined {
    return this.trouble.current;
  }

  /** Makes one operation durable. Resolves when its result is definite; rejects never. */
  write(
    operation: TransactionOperation,
    options: { readonly expiresAt?: number | undefined } = {},
  ): Promise<WriteResult> {
    const refusal = this.refusal(operation);
    if (refusal !== undefined) return Promise.resolve(droppedResult(operation, refusal));
    return new Promise((settle) => {
      this.queue.push({ operation, expiresAt: options.expiresAt, settle });
      this.start();
    });
  }

  /** Queues a rider; one per gid, a second one of the same gid is ignored. */
  ride(rider: Rider): void {
    if (this.givenUp !== undefined) return rider.done(neverWritten(this.givenUp));
    this.queue.ride(rider);
    if (!this.pumping) this.awaitCompany();
  }

  /** Takes no new registrations; resolves when everything queued is durable, riders included. */
  async drain(): Promise<void> {
    this.closed = true;
    if (this.queue.hasRiders) this.start();
    if (this.pumping) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** Gives up: no timer is left, what is not durable stays unanswered. Only for a process that is about to end. */
  abandon(): void {
    this.rideTimer?.cancel();
    this.timers.close();
  }

  /** Writes nothing more, from now on (W7). What waits or is under way is dropped with `error`: nobody knows its result. */
  giveUp(error: TercetError): void {
    this.givenUp = error;
    this.abandon();
    const writes = [...this.underWay, ...this.queue.takeAll()];
    this.underWay.clear();
    for (const { operation, settle } of writes) settle(droppedResult(operation, error));
    for (const rider of this.queue.takeRiders()) rider.done(neverWritten(error));
    for (const resolve of this.idle.splice(0)) resolve();
  }

  /** Resolves when the store has ended what it was asked last. */
  async quiet(): Promise<void> {
    await this.onItsWay;
  }

  private refusal(operation: TransactionOperation): TercetError | undefined {
    if (this.givenUp !== undefined) return this.givenUp;
    if (!isNewWork(operation)) return undefined;
    if (this.closed) return new TercetError('SHUTTING_DOWN');
    const trouble = this.trouble.current;
    if (trouble !== undefined) return refusedBy(trouble, operation);
    if (!this.queue.full) return undefined;
    return new TercetError('LIMIT_EXCEEDED', {
      message: `too much work waits for the store (${this.queue.extent})`,
      details: { gid: transactionOf(operation), limit: 'queue' },
    });
  }

  private start(): void {
    if (this.pumping) return;
    this.pumping = true;
    this.rideTimer?.cancel();
    this.rideTimer = undefined;
    // One turn of the event loop: everything that is ready now shares the commit.
    this.deps.scheduler.soon(() => void this.pump());
  }

  /** Writes as long as writes wait; riders that came meanwhile wait for their time again (W6). */
  private async pump(): Promise<void> {
    do {
      const batch = this.queue.take();
      for (const item of batch) this.underWay.add(item);
      await this.settle(batch);
    } while (this.queue.hasWrites);
    this.pumping = false;
    if (this.queue.hasRiders) this.awaitCompany();
    if (this.pumping) return;
    for (const resolve of this.idle.splice(0)) resolve();
    this.trouble.probeUntilBack();
  }

  private awaitCompany(): void {
    if (this.closed) return this.start();
    this.rideTimer ??= this.deps.scheduler.after(RIDE_DELAY_MS, () => {
      this.rideTimer = undefined;
      this.start();
    });
  }

  /** Writes until every item of the batch has a definite result. */
  private async settle(batch: readonly QueuedWrite[]): Promise<void> {
    let items = this.withoutExpired(batch);
    for (let attempt = 1; items.length > 0; attempt++) {
      const written = await this.attempt(items.map((item) => item.operation));
      if (!(written instanceof StoreFailure)) {
        items.forEach((item, i) => this.end(item, resultOf(item.operation, answerAt(written, i))));
        return;
      }
      items = this.withoutExpired(await this.afterFailure(items, written, attempt));
    }
  }

  private end(item: QueuedWrite, result: WriteResult): void {
    this.underWay.delete(item);
    item.settle(result);
  }

  private async attempt(
    operations: readonly StoreOperation[],
  ): Promise<readonly OperationResult[] | StoreFailure> {
    const onItsWay = this.deps.store.write(operations).catch(failureOf);
    this.onItsWay = onItsWay;
    const written = await onItsWay;
    // W7: whoever waits for this has been told, and nothing more is to be done.
    if (this.givenUp !== undefined) return await new Promise<never>(() => undefined);
    if (!(written instanceof StoreFailure)) this.trouble.ended();
    return written;
  }

  /** What of a failed batch has to be written again. */
  private async afterFailure(
    items: readonly QueuedWrite[],
    failure: StoreFailure,
    attempt: number,
  ): Promise<readonly QueuedWrite[]> {
    switch (failure.kind) {
      case 'data':
        await this.isolate(items, failure);
        return [];
      case 'unknown':
        return await this.resolveDoubt(items, failure);
      case 'unavailable': {
        const kept = this.withoutNewWork(items, failure);
        this.failed(failure);
        if (kept.length > 0) await this.pause(attempt);
        return kept;
      }
      case 'transient':
        await this.pause(attempt);
        return items;
      default:
        return assertNever(failure.kind, 'store failure');
    }
  }

  /** W5: nothing of the batch was applied, so its registrations can be refused. */
  private withoutNewWork(
    items: readonly QueuedWrite[],
    failure: StoreFailure,
  ): readonly QueuedWrite[] {
    return items.filter((item) => {
      const { operation } = item;
      if (!isNewWork(operation)) return true;
      this.end(item, droppedResult(operation, refusedBy(failure, operation)));
      return false;
    });
  }

  private withoutExpired(items: readonly QueuedWrite[]): readonly QueuedWrite[] {
    const now = this.deps.clock.now();
    return items.filter((item) => {
      if (item.expiresAt === undefined || item.expiresAt > now) return true;
      const details = { gid: transactionOf(item.operation) };
      const error = new TercetError('DEADLINE_EXCEEDED', { details });
      this.end(item, droppedResult(item.operation, error));
      return false;
    });
  }

  /** W4: halves the batch until the poison stands alone. */
  private async isolate(items: readonly QueuedWrite[], failure: StoreFailure): Promise<void> {
    const [only] = items;
    if (only !== undefined && items.length === 1) return this.quarantine(only, failure);
    const half = items.length >> 1;
    await this.settle(items.slice(0, half));
    await this.settle(items.slice(half));
  }

  private quarantine(item: QueuedWrite, failure: StoreFailure): void {
    const { operation } = item;
    const gid = transactionOf(operation);
    if (isNewWork(operation)) {
      const error = new TercetError('INVALID_ARGUMENT', {
        message: `the store cannot keep this registration: ${failure.message}`,
        details: { gid },
        cause: failure,
      });
      this.end(item, droppedResult(operation, error));
      return;
    }
    this.deps.logger.error(
      { alert: 'P0', gid, operation: operation.kind, err: failure },
      'the store refuses the data of a decision or outcome; it is kept in memory and retried',
    );
    this.timers.after(retryDelays.maxDelayMs, () => {
      this.underWay.delete(item);
      this.queue.push(item);
      this.start();
    });
  }

  /**
   * W3: finds out by writing what became of a batch in doubt, settles what took effect or was lost, and returns
   * what has to be written again (under the raised epoch).
   */
  private async resolveDoubt(
    items: readonly QueuedWrite[],
    failure: StoreFailure,
  ): Promise<readonly QueuedWrite[]> {
    const fields = { operations: items.length, err: failure };
    this.deps.logger.warn(fields, 'a commit is in doubt; resolving it by writing');
    this.failed(failure);
    const questions = items.map((item) => questionOf(item.operation));
    for (let attempt = 1; ; attempt++) {
      await this.pause(attempt);
      const answers = await this.attempt(questions);
      if (!(answers instanceof StoreFailure)) {
        return items.filter((item, i) => !this.settledBy(item, answerAt(answers, i)));
      }
      // A batch with a poisoned open in it was never applied as a whole: written again, it singles the poison out.
      if (answers.kind === 'data') return items;
    }
  }

  private settledBy(item: QueuedWrite, answer: OperationResult): boolean {
    const verdict = verdictOf(item.operation, answer, this.deps.incarnation);
    if (verdict.kind === 'settled') this.end(item, verdict.result);
    else item.operation = verdict.operation;
    return verdict.kind === 'settled';
  }

  private failed(failure: StoreFailure): void {
    this.trouble.began(failure);
    this.queue.filter((writes) => this.withoutNewWork(writes, failure));
  }

  private async pause(attempt: number): Promise<void> {
    const delayMs = nextDelayMs(retryDelays, attempt, this.deps.random);
    await new Promise<void>((resolve) => this.timers.after(delayMs, resolve));
  }
}

function answerAt(answers: readonly OperationResult[], index: number): OperationResult {
  const answer = answers[index];
  if (answer === undefined) throw new Error('bug: the store answered too few operations');
  return answer;
}

function droppedResult(operation: TransactionOperation, error: TercetError): WriteResult {
  return { kind: 'dropped', error, epoch: epochOf(operation) };
}

/** The result of a rider that made no operation. */
function neverWritten(error: TercetError): WriteResult {
  return { kind: 'dropped', error, epoch: 0 };
}

function refusedBy(failure: StoreFailure, operation: TransactionOperation): TercetError {
  const { message, reason } = failure;
  return new TercetError('STORE_UNAVAILABLE', {
    message: `the store takes no new work: ${message}`,
    details: { gid: transactionOf(operation), ...(reason !== undefined && { reason }) },
  });
}

function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  // Anything else is a fault of the store's code: nobody knows how far it came.
  const message = error instanceof Error ? error.message : String(error);
  return new StoreFailure('unknown', message, { cause: error });
}
