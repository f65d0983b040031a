/**
 * The streams to one target. Streams make calls faster; what they cannot do now goes unary, on the target's own
 * channel, as if there were none.
 *
 * S1 While the target is asked for the first time, calls wait: for the first Hello, until no address can say one any
 *    more, and at most a second, or half the time of the most urgent one. After that, and while no stream is usable, they
 *    go unary at once.
 * S2 New addresses get a stream, addresses that are gone take no new commands. Names are resolved again about every 10 s
 *    while there are calls, and when a stream broke or drains.
 * S3 Where a participant says that it offers no Deliver, and none at another address has ever said Hello, its owner is
 *    told. So it is when nobody has called for 5 minutes.
 * S4 Without a usable stream there is no timer but for the first answer and for opening the next one, and that only while
 *    somebody calls.
 */
import type { Clock, Random, Scheduler, Timer } from '@tercet/core';
import { AddressLine, type LineOwner } from './address-line';
import { type Address, type AddressListener, Addresses } from './addresses';
import type { DeliverStream, StreamEnd } from './deliver-stream';
import { Dispatch } from './dispatch';
import { type PendingCall, WaitingCalls } from './pending-call';

/** Longest wait for the first Hello. */
const ASKING_MS = 1_000;
/** Between two looks at names and ages, ± 20 %. */
const LOOK_MS = 10_000;
/** Looks without a call in between after which nobody needs the streams: 5 minutes. */
const IDLE_LOOKS = 30;
/** Addresses of one target that get a stream. */
const ADDRESSES_MAX = 64;

/** What a target's streams need. */
export interface TargetDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Makes a call unary and ends it. It has never been sent. */
  readonly unary: (call: PendingCall) => void;
}

/** Whoever has the target, and closes it when told one of these. */
export interface TargetOwner {
  /** No address offers Deliver. */
  notOffered(): void;
  /** Nobody has called for minutes. */
  idle(): void;
  /** A stream can be used: its Hello came. */
  greeted(stream: DeliverStream): void;
}

/** One target. */
export class TargetStreams implements LineOwner, AddressListener {
  /** When it was used last, in whatever its owner counts. */
  usedAt = 0;
  demand = 0;
  private readonly dispatch: Dispatch;
  private readonly addresses: Addresses;
  private readonly lines = new Map<string, AddressLine>();
  /** Lines of addresses that are gone, while commands are under way there. */
  private readonly leaving = new Set<AddressLine>();
  private readonly askers = new WaitingCalls('the participant to say what it takes on a stream');
  private readonly breakListeners = new Set<() => void>();
  private asking: Timer | undefined;
  private askingEndsAt = 0;
  private look: Timer | undefined;
  private demandAtLook = 0;
  private idleLooks = 0;

  /** Opens streams at once. `patient`: calls wait for the first answer (S1). Throws where `target` is no address. */
  constructor(
    target: string,
    private readonly deps: TargetDeps,
    private readonly owner: TargetOwner & { readonly patient: boolean },
  ) {
    this.dispatch = new Dispatch(deps.unary);
    this.addresses = new Addresses(target, deps.clock, this);
    if (owner.patient) this.askFor(ASKING_MS);
    this.addresses.ask();
  }

  /** Whether there is a usable stream. */
  get open(): boolean {
    return this.dispatch.open;
  }

  /** Whether a call is under way or waits. */
  get busy(): boolean {
    if (this.dispatch.backlog + this.askers.size > 0) return true;
    return this.allLines().some((line) => line.outstanding > 0);
  }

  /** Takes a call on, and sees to it that it ends. */
  take(call: PendingCall): void {
    this.demand++;
    if (this.open) return this.dispatch.place(call);
    if (this.asking !== undefined) return this.waitForHello(call);
    this.wakeLines();
    this.addresses.ask();
    this.deps.unary(call);
  }

  /** Tells `listener` once, when no stream is usable any more. Returns what stops that. */
  onBreak(listener: () => void): () => void {
    this.breakListeners.add(listener);
    return () => void this.breakListeners.delete(listener);
  }

  /** Ends everything now, calls with UNAVAILABLE. Repeating is safe. */
  close(): void {
    this.asking?.cancel();
    this.look?.cancel();
    this.addresses.close();
    for (const line of this.allLines()) line.close();
    for (const call of this.askers.takeAll()) this.dispatch.refuse(call);
    this.dispatch.close();
    this.tellBreak();
  }

  found(all: readonly Address[]): void {
    const now = new Map(all.map((address) => [address.peer, address]));
    for (const [peer, line] of this.lines) {
      if (!now.has(peer)) this.dismiss(peer, line);
    }
    for (const [peer, address] of now) {
      if (this.lines.size >= ADDRESSES_MAX) break;
      if (!this.lines.has(peer)) this.lines.set(peer, new AddressLine(address, this.deps, this));
    }
    this.judge();
  }

  notFound(): void {
    if (this.lines.size === 0) this.stopAsking();
  }

  ready(stream: DeliverStream): void {
    this.look ??= this.lookLater();
    this.owner.greeted(stream);
    this.dispatch.add(stream);
    this.stopAsking();
  }

  unready(stream: DeliverStream): void {
    if (!this.dispatch.remove(stream)) return;
    this.addresses.ask();
    if (this.open) return;
    this.look?.cancel();
    this.look = undefined;
    this.tellBreak();
  }

  roomFreed(stream: DeliverStream): void {
    this.dispatch.pump(stream);
  }

  over(stream: DeliverStream, { lost, unsent, message }: StreamEnd): void {
    for (const call of lost) this.dispatch.fell(call, stream, message);
    for (const call of unsent) this.dispatch.fell(call, stream, message);
    // Whoever waits for another stream wants one, however often it cannot be had.
    if (this.dispatch.hasLost) {
      this.demand++;
      this.wakeLines();
    }
    for (const line of this.leaving) if (line.gone) this.leaving.delete(line);
    this.judge();
  }

  /** A line has ended or is no longer there: is there anything left to wait for? */
  private judge(): void {
    const lines = [...this.lines.values()];
    if (this.open || lines.some((line) => line.asking)) return;
    this.stopAsking();
    const none = lines.some((line) => line.notOffered) && !lines.some((line) => line.offered);
    if (none) this.owner.notOffered();
  }

  private wakeLines(): void {
    for (const line of this.lines.values()) line.wake();
  }

  private allLines(): readonly AddressLine[] {
    return [...this.lines.values(), ...this.leaving];
  }

  private dismiss(peer: string, line: AddressLine): void {
    this.lines.delete(peer);
    line.remove();
    if (!line.gone) this.leaving.add(line);
  }

  private waitForHello(call: PendingCall): void {
    this.askers.add(call);
    const most = call.request.deadlineMs / 2;
    if (this.deps.clock.now() + most < this.askingEndsAt) this.askFor(most);
  }

  private askFor(ms: number): void {
    const { clock, scheduler } = this.deps;
    this.asking?.cancel();
    this.askingEndsAt = clock.now() + ms;
    this.asking = scheduler.after(ms, () => this.stopAsking());
  }

  private stopAsking(): void {
    this.asking?.cancel();
    this.asking = undefined;
    for (const call of this.askers.takeAll()) this.dispatch.place(call);
  }

  private tellBreak(): void {
    const listeners = [...this.breakListeners];
    this.breakListeners.clear();
    for (const tell of listeners) tell();
  }

  private lookLater(): Timer {
    const { scheduler, random } = this.deps;
    return scheduler.after(LOOK_MS * (0.8 + 0.4 * random.unit()), () => this.lookAround());
  }

  private lookAround(): void {
    this.look = this.lookLater();
    const used = this.demand !== this.demandAtLook || this.busy;
    this.demandAtLook = this.demand;
    this.idleLooks = used ? 0 : this.idleLooks + 1;
    if (this.idleLooks >= IDLE_LOOKS) return this.owner.idle();
    if (!used) return;
    this.addresses.ask();
    for (const line of this.lines.values()) line.renew();
  }
}
