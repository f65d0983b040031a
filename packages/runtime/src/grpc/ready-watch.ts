/**
 * Watches one channel for the moment in which it has a connection again.
 *
 * R1 A listener is told once, of a change to READY that comes after it was added: a channel that is READY already
 *    says nothing new.
 * R2 While somebody listens the channel keeps connecting, paced by grpc-js's own backoff. grpc-js alone does so only
 *    after a refused connection: a lost one leaves the channel IDLE, and a name that did not resolve is not asked again,
 *    both until the next call or `getConnectivityState(true)`.
 * R3 Without listeners, and after `close`, there is no timer; at most one watcher of grpc-js stays with the channel.
 */
import { type ChannelInterface, connectivityState } from '@grpc/grpc-js';
import type { Scheduler, Timer } from '@tercet/core';

/** Pause between two reminders to connect. Cheap: while the backoff of grpc-js runs, a reminder does nothing. */
const REMIND_MS = 2_000;

interface Listener {
  readonly tell: () => void;
  stopped: boolean;
}

/** Everybody who waits for one channel. */
export class ReadyWatch {
  private readonly listeners = new Set<Listener>();
  private reminder: Timer | undefined;
  /** grpc-js cannot take a watcher back: one is armed at a time, or they would pile up. */
  private armed = false;
  private closed = false;

  constructor(
    private readonly channel: ChannelInterface,
    private readonly scheduler: Scheduler,
  ) {}

  /** Whether anybody listens. */
  get active(): boolean {
    return this.listeners.size > 0;
  }

  /** Tells `tell` of the next change to READY. Returns what stops that; calling it twice does nothing. */
  add(tell: () => void): () => void {
    if (this.closed) return () => undefined;
    const listener: Listener = { tell, stopped: false };
    this.listeners.add(listener);
    this.arm();
    if (this.reminder === undefined) this.remind();
    return () => {
      listener.stopped = true;
      this.listeners.delete(listener);
      if (!this.active) this.rest();
    };
  }

  /** Nobody is told any more. To be called before the channel is closed. */
  close(): void {
    this.closed = true;
    this.listeners.clear();
    this.rest();
  }

  private arm(): void {
    if (this.armed || this.closed || !this.active) return;
    this.armed = true;
    const before = this.channel.getConnectivityState(false);
    this.channel.watchConnectivityState(before, Number.POSITIVE_INFINITY, () => this.changed());
  }

  /** Runs in the middle of grpc-js's own change of state: whatever might call it again is put off. */
  private changed(): void {
    this.armed = false;
    if (this.closed) return;
    const state = this.channel.getConnectivityState(false);
    if (state === connectivityState.READY) return this.tellAll();
    this.arm();
  }

  private tellAll(): void {
    const told = [...this.listeners];
    this.listeners.clear();
    this.rest();
    this.scheduler.soon(() => {
      for (const { tell, stopped } of told) if (!stopped && !this.closed) tell();
    });
  }

  private remind(): void {
    this.connect();
    this.reminder = this.scheduler.after(REMIND_MS, () => this.remind());
  }

  private connect(): void {
    if (this.closed || !this.active) return;
    this.channel.getConnectivityState(true);
  }

  private rest(): void {
    this.reminder?.cancel();
    this.reminder = undefined;
  }
}
