/**
 * Sends over an open stream what is ready in the same turn of the event loop as one message: a message costs far more
 * than an item in it.
 *
 * S1 What is pushed in one turn leaves after it, together and in its order.
 * S2 A message holds at most `bytesMax` by `sizeOf`; an item above that travels alone.
 * S3 Once a write said that the peer does not keep up, nothing is written before `drained`; what is pushed meanwhile
 *    waits and leaves together. The number of items that wait is bounded by whoever pushes.
 * S4 An item that was taken back before it left never leaves. After `close` nothing does.
 */
import type { Scheduler } from '@tercet/core';

/** Bytes of one message: small enough that no message keeps others waiting for long. */
export const BATCH_BYTES_MAX = 256 * 1_024;

/** What sending needs. */
export interface BatchSenderDeps<T> {
  readonly scheduler: Pick<Scheduler, 'soon'>;
  /** Writes one message; false = the peer does not keep up, `drained` will be called. Must not throw. */
  readonly write: (items: readonly T[]) => boolean;
  /** Bytes of an item on the wire, roughly. */
  readonly sizeOf: (item: T) => number;
  /** Bytes of one message. Default: 256 KiB. */
  readonly bytesMax?: number;
}

/** The sending side of one stream. */
export class BatchSender<T> {
  private waiting: T[] = [];
  private planned = false;
  private full = false;
  private closed = false;

  constructor(private readonly deps: BatchSenderDeps<T>) {}

  /** How many items have not left. */
  get backlog(): number {
    return this.waiting.length;
  }

  /** Queues an item. After `close` it is dropped. */
  push(item: T): void {
    if (this.closed) return;
    this.waiting.push(item);
    this.plan();
  }

  /** Takes an item back. False = it has left already. */
  takeBack(item: T): boolean {
    const at = this.waiting.indexOf(item);
    if (at === -1) return false;
    this.waiting.splice(at, 1);
    return true;
  }

  /** The peer keeps up again. */
  drained(): void {
    this.full = false;
    this.plan();
  }

  /** Writes at once what waits, as far as the peer keeps up. */
  flush(): void {
    this.planned = false;
    while (this.waiting.length > 0 && !this.full && !this.closed) {
      this.full = !this.deps.write(this.next());
    }
  }

  /** Drops what waits. Repeating is safe. */
  close(): void {
    this.closed = true;
    this.waiting = [];
  }

  private plan(): void {
    if (this.planned || this.full || this.waiting.length === 0) return;
    this.planned = true;
    this.deps.scheduler.soon(() => this.flush());
  }

  private next(): readonly T[] {
    const { sizeOf, bytesMax = BATCH_BYTES_MAX } = this.deps;
    let bytes = 0;
    const end = this.waiting.findIndex((item, i) => {
      bytes += sizeOf(item);
      return bytes > bytesMax && i > 0;
    });
    if (end === -1) return this.waiting.splice(0);
    return this.waiting.splice(0, end);
  }
}
