/** What waits for a commit: writes in their order, and riders that join whatever leaves. */
import { type Gid, ReleasingMap, type TercetError } from '@tercet/core';
import type { RowFacts, StoreOperation } from '../store/store';

/**
 * How a write ended. `epoch` is the row's epoch now: resolving a doubt raises it, and what is dropped after that has
 * raised it all the same.
 */
export type WriteResult =
  | { readonly kind: 'applied'; readonly epoch: number }
  | { readonly kind: 'refused'; readonly row: RowFacts | undefined }
  | { readonly kind: 'dropped'; readonly error: TercetError; readonly epoch: number };

/** An operation of a transaction; fencing is the writer's own business. */
export type TransactionOperation = Exclude<StoreOperation, { kind: 'fence' }>;

/** A write that waits for company. `take` makes the operation when a batch leaves; undefined = nothing to write. */
export interface Rider {
  readonly gid: Gid;
  take(): TransactionOperation | undefined;
  done(result: WriteResult): void;
}

/** Named limits of the queue. */
export interface BatchWriterLimits {
  /** Operations of one batch. */
  readonly batchOperationsMax: number;
  /** Bytes of one batch: payloads, texts, and an allowance for each row. */
  readonly batchBytesMax: number;
  /** Operations that may wait; beyond it registrations are refused. */
  readonly queueOperationsMax: number;
  /** Bytes that may wait; beyond it registrations are refused. */
  readonly queueBytesMax: number;
}

/** One write on its way. */
export interface QueuedWrite {
  operation: TransactionOperation;
  /** Unix ms after which nobody waits for it; only registrations have one. */
  readonly expiresAt: number | undefined;
  readonly settle: (result: WriteResult) => void;
}

/** Operations that are new work. */
export type NewWorkOperation = Extract<TransactionOperation, { kind: 'open' | 'extend' | 'take' }>;

/**
 * Whether an operation is new work: what may be refused. A decision or an outcome never is; a transaction that was not taken
 * over stays with its owner.
 */
export function isNewWork(operation: TransactionOperation): operation is NewWorkOperation {
  return operation.kind === 'open' || operation.kind === 'extend' || operation.kind === 'take';
}

/** The gid that an operation concerns. */
export function transactionOf(operation: TransactionOperation): Gid {
  return operation.kind === 'take' ? operation.gid : operation.tx.gid;
}

/** The row's epoch where an operation took effect and no doubt raised it. */
export function epochOf(operation: TransactionOperation): number {
  return operation.kind === 'take' ? operation.epoch + 1 : operation.tx.epoch;
}

/** First in, first out, except that a batch holds at most one operation per gid and keeps to its limits. */
export class WriteQueue {
  private writes: QueuedWrite[] = [];
  private bytes = 0;
  private readonly riders = new ReleasingMap<Gid, Rider>();

  constructor(private readonly limits: BatchWriterLimits) {}

  /** Whether no new work should be taken. */
  get full(): boolean {
    return (
      this.writes.length >= this.limits.queueOperationsMax ||
      this.bytes >= this.limits.queueBytesMax
    );
  }

  /** For error texts: how much waits. */
  get extent(): string {
    return `${this.writes.length} operations, ${this.bytes} bytes`;
  }

  /** Whether some write waits. */
  get hasWrites(): boolean {
    return this.writes.length > 0;
  }

  /** Whether some rider waits. */
  get hasRiders(): boolean {
    return this.riders.size > 0;
  }

  push(write: QueuedWrite): void {
    this.writes.push(write);
    this.bytes += bytesOf(write.operation);
  }

  /** Queues a rider; one per gid, a second one of the same gid is ignored. */
  ride(rider: Rider): void {
    if (!this.riders.has(rider.gid)) this.riders.set(rider.gid, rider);
  }

  /** Keeps only the writes that pass. */
  filter(keep: (writes: readonly QueuedWrite[]) => readonly QueuedWrite[]): void {
    this.writes = [...keep(this.writes)];
    this.bytes = this.writes.reduce((sum, { operation }) => sum + bytesOf(operation), 0);
  }

  /** All writes that wait; none waits after it. */
  takeAll(): readonly QueuedWrite[] {
    const { writes } = this;
    this.writes = [];
    this.bytes = 0;
    return writes;
  }

  /** All riders that wait; none waits after it. */
  takeRiders(): readonly Rider[] {
    const riders = [...this.riders.values()];
    this.riders.clear();
    return riders;
  }

  /** The next batch. What does not fit stays in front, so that a large write is the first of the next batch. */
  take(): readonly QueuedWrite[] {
    const { batchOperationsMax, batchBytesMax } = this.limits;
    const batch: QueuedWrite[] = [];
    const later: QueuedWrite[] = [];
    const gids = new Set<Gid>();
    let bytes = 0;
    for (const write of this.writes) {
      const gid = transactionOf(write.operation);
      const size = bytesOf(write.operation);
      const fits =
        batch.length < batchOperationsMax && (batch.length === 0 || bytes + size <= batchBytesMax);
      if (!fits || gids.has(gid)) {
        later.push(write);
        continue;
      }
      batch.push(write);
      gids.add(gid);
      bytes += size;
    }
    this.writes = later;
    this.bytes -= bytes;
    for (const rider of this.riders.values()) {
      if (batch.length >= batchOperationsMax) break;
      if (gids.has(rider.gid)) continue;
      this.riders.delete(rider.gid);
      const operation = rider.take();
      if (operation === undefined) continue;
      batch.push({ operation, expiresAt: undefined, settle: (result) => rider.done(result) });
    }
    return batch;
  }
}

/** Columns of a row besides its texts and payloads, roughly. */
const ROW_BYTES = 256;

/** What an operation holds in memory and writes, roughly: rows, texts and payloads of a registration. */
function bytesOf(operation: TransactionOperation): number {
  if (!isNewWork(operation) || operation.kind === 'take') return ROW_BYTES;
  const from = operation.kind === 'extend' ? operation.before : 0;
  let bytes = ROW_BYTES;
  for (const { spec } of operation.tx.branches.slice(from)) {
    const { target, methods } = spec;
    bytes += ROW_BYTES + target.length;
    bytes += methods.forward.length + methods.confirm.length + methods.cancel.length;
    bytes += spec.payload.length;
    bytes += (spec.confirmPayload?.length ?? 0) + (spec.cancelPayload?.length ?? 0);
  }
  return bytes;
}
