/**
 * The streams to one address of a target: the one that is used, and those that come before and after it.
 *
 * L1 A stream is opened at once when the address is new, and again after a random delay (50 ms, doubling to 5 s) when
 *    it ended or drains, as long as somebody calls. Without a call the line sleeps until it is woken.
 * L2 A stream older than about 10 minutes is replaced: the new one says Hello before the old one drains.
 * L3 An address that offers no Deliver is asked again after 10 minutes, not sooner.
 * L4 A line that is removed takes no new commands; those under way get their outcome.
 */
import type { Clock, Random, Scheduler, Timer } from '@tercet/core';
import type { Address } from './addresses';
import { DeliverStream, type StreamEnd, type StreamOwner } from './deliver-stream';

/** After this time an answer that was remembered is asked for again, and a stream is replaced. */
export const RENEW_MS = 600_000;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5_000;
/** A stream that lived this long did not fail: the next one comes without much delay. */
const STEADY_MS = 10_000;

/** What lines need. */
export interface LineDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
}

/** The target of a line. */
export interface LineOwner {
  /** Calls so far, and whatever else wants a stream: while it grows, streams are opened again. */
  readonly demand: number;
  /** A stream may be used. */
  ready(stream: DeliverStream): void;
  /** A stream may be used no more; its commands get their outcome, or it has ended. */
  unready(stream: DeliverStream): void;
  /** Credits of a stream became free. */
  roomFreed(stream: DeliverStream): void;
  /** A stream is over. */
  over(stream: DeliverStream, end: StreamEnd): void;
}

/** One address. */
export class AddressLine implements StreamOwner {
  private current: DeliverStream | undefined;
  private opening: DeliverStream | undefined;
  /** Every stream that has not ended, draining ones too. */
  private readonly streams = new Set<DeliverStream>();
  private retry: Timer | undefined;
  private failures = 0;
  private openedAt = 0;
  private lifeMs = RENEW_MS;
  private demandSeen = 0;
  private notOfferedAt: number | undefined;
  private saidHello = false;
  private removed = false;

  constructor(
    private readonly address: Address,
    private readonly deps: LineDeps,
    private readonly owner: LineOwner,
  ) {
    this.open();
  }

  /** Whether a stream has been asked for that has not said Hello. */
  get asking(): boolean {
    return this.opening !== undefined;
  }

  /** Whether a participant there said last that it offers no Deliver. */
  get notOffered(): boolean {
    return this.notOfferedAt !== undefined;
  }

  /** Whether a participant there has said Hello, and none has said since that it offers no Deliver. */
  get offered(): boolean {
    return this.saidHello && this.notOfferedAt === undefined;
  }

  /** Commands without an outcome. */
  get outstanding(): number {
    let sum = 0;
    for (const stream of this.streams) sum += stream.outstanding;
    return sum;
  }

  /** Whether no stream is left. */
  get gone(): boolean {
    return this.streams.size === 0;
  }

  /** Somebody calls: a line that sleeps opens its stream. */
  wake(): void {
    if (this.current !== undefined || this.opening !== undefined || this.retry !== undefined)
      return;
    if (this.notOfferedAt !== undefined) {
      if (this.deps.clock.now() - this.notOfferedAt < RENEW_MS) return;
      this.notOfferedAt = undefined;
    }
    this.open();
  }

  /** To be called every few seconds while the target is in use: replaces what has become old. */
  renew(): void {
    if (this.current === undefined) return this.wake();
    if (this.opening !== undefined || this.retry !== undefined || this.notOffered) return;
    if (this.deps.clock.now() - this.openedAt >= this.lifeMs) this.open();
  }

  /** The address is no longer the target's. */
  remove(): void {
    this.removed = true;
    this.retry?.cancel();
    this.unuse();
    for (const stream of this.streams) stream.drain();
  }

  /** Ends everything now. */
  close(): void {
    this.removed = true;
    this.retry?.cancel();
    for (const stream of this.streams) stream.close();
    this.streams.clear();
  }

  opened(stream: DeliverStream): void {
    const { random, clock } = this.deps;
    const old = this.current;
    this.opening = undefined;
    this.current = stream;
    this.saidHello = true;
    this.notOfferedAt = undefined;
    this.openedAt = clock.now();
    this.lifeMs = RENEW_MS * (0.9 + 0.2 * random.unit());
    this.owner.ready(stream);
    if (old === undefined) return;
    this.owner.unready(old);
    old.drain();
  }

  roomFreed(stream: DeliverStream): void {
    this.owner.roomFreed(stream);
  }

  drains(stream: DeliverStream): void {
    if (stream === this.opening) this.opening = undefined;
    if (stream === this.current) this.unuse();
    this.openLater();
  }

  ended(stream: DeliverStream, end: StreamEnd): void {
    this.streams.delete(stream);
    const used = stream === this.opening || stream === this.current;
    if (stream === this.opening) this.opening = undefined;
    if (stream === this.current) this.unuse();
    if (!end.offered) this.notOfferedAt = this.deps.clock.now();
    else if (used) this.openLater();
    this.owner.over(stream, end);
  }

  private open(): void {
    this.demandSeen = this.owner.demand;
    this.opening = new DeliverStream(this.address, this.deps, this);
    this.streams.add(this.opening);
  }

  private unuse(): void {
    const { current } = this;
    if (current === undefined) return;
    this.current = undefined;
    const livedMs = this.deps.clock.now() - this.openedAt;
    if (livedMs >= STEADY_MS) this.failures = 0;
    this.owner.unready(current);
  }

  private openLater(): void {
    if (this.removed || this.retry !== undefined || this.opening !== undefined) return;
    const most = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.failures);
    this.failures++;
    const delayMs = most * (0.5 + 0.5 * this.deps.random.unit());
    this.retry = this.deps.scheduler.after(delayMs, () => {
      this.retry = undefined;
      if (this.owner.demand !== this.demandSeen) this.open();
    });
  }
}
