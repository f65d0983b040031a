/**
 * A call of a participant between the moment it waits for a stream, or is on one, and its reply.
 *
 * P1 It ends once: what comes later (an outcome after it was given up, an abort after its reply) does nothing.
 * P2 Its deadline and its signal count wherever it waits; whoever holds it then lets it go.
 * P3 One that has never been written to a stream says so in its reply.
 */
import { type Clock, ReleasingMap, grpcCode } from '@tercet/core';
import type { AbortListeners, GivesUp, Listening } from './abort-listeners';
import type { CallKind } from './credits';
import type { Due, DueSlot, DueTimes } from './due-times';
import { type ParticipantReply, type StreamableRequest, localReply } from './participant-request';

/** Whoever has a call: a stream, or those who wait. */
export interface Holder {
  /** What a call that ends here waited for, for its message. */
  readonly waitsFor: string;
  /** The call has ended by itself: it is not to be carried out, or not any more. */
  letGo(call: PendingCall): void;
}

/** What pending calls share. */
export interface PendingDeps {
  readonly clock: Clock;
  readonly due: DueTimes;
  readonly aborts: AbortListeners;
}

/** One call. */
export class PendingCall implements Due, GivesUp {
  readonly kind: CallKind;
  /** Of its command on the stream that holds it. */
  id = 0;
  /** Whether it was written to the stream that holds it. */
  written = false;
  /** Whether it was ever written to a stream: from then on nobody knows what it has done. */
  sent = false;
  /** How often it was sent again. */
  resends = 0;
  /** How it would have ended when its last stream broke. */
  trouble: ParticipantReply | undefined;
  /** Its place among those who wait with it. */
  number = 0;
  slot: DueSlot | undefined;
  place = 0;
  private holder: Holder | undefined;
  private listening: Listening | undefined;
  private readonly dueAt: number;

  constructor(
    readonly request: StreamableRequest,
    private readonly deps: PendingDeps,
    private resolve: ((reply: ParticipantReply) => void) | undefined,
  ) {
    this.kind = request.context.phase === 'try' ? 'try' : 'phaseTwo';
    this.dueAt = deps.clock.now() + request.deadlineMs;
  }

  /** Milliseconds left at `now`; never more than there were, whatever the wall clock does. */
  leftMs(now: number): number {
    return Math.min(this.request.deadlineMs, this.dueAt - now);
  }

  /** It is with `holder` from here on. */
  heldBy(holder: Holder): void {
    this.holder = holder;
    if (this.slot !== undefined) return;
    const { request, deps } = this;
    deps.due.add(this, request.deadlineMs);
    if (request.signal !== undefined) this.listening = deps.aborts.add(this, request.signal);
  }

  /** Ends it with `reply`. */
  end(reply: ParticipantReply): void {
    const { resolve } = this;
    if (resolve === undefined) return;
    this.release();
    this.resolve = undefined;
    resolve(reply);
  }

  /** It goes another way from here on: its deadline and signal are that way's business. */
  handOver(): void {
    this.release();
  }

  /** Its deadline has passed. */
  expire(): void {
    const { request, sent, trouble, holder } = this;
    const after = `Deadline exceeded after ${(request.deadlineMs / 1_000).toFixed(3)}s`;
    const where = sent ? '' : `; it was not sent: it waited for ${holder?.waitsFor ?? 'its turn'}`;
    const why = trouble === undefined ? where : `; ${trouble.message}`;
    this.giveUp(grpcCode.DEADLINE_EXCEEDED, after + why);
  }

  /** Its caller gave it up. */
  handleEvent(): void {
    const message = this.sent ? 'Cancelled on client' : 'given up before it was sent';
    this.giveUp(grpcCode.CANCELLED, message);
  }

  private giveUp(code: number, message: string): void {
    this.holder?.letGo(this);
    this.end(localReply(code, message, { sent: this.sent, peer: this.trouble?.peer }));
  }

  private release(): void {
    const { deps, listening } = this;
    this.holder = undefined;
    deps.due.remove(this);
    if (listening === undefined) return;
    this.listening = undefined;
    deps.aborts.remove(this, listening);
  }
}

/** Calls that wait, in the order they came. */
export class WaitingCalls implements Holder {
  private readonly calls = new ReleasingMap<number, PendingCall>();
  private numbers = 0;

  /** `waitsFor`: what for, to be read after "it waited for". */
  constructor(readonly waitsFor: string) {}

  /** How many wait. */
  get size(): number {
    return this.calls.size;
  }

  /** Holds a call. */
  add(call: PendingCall): void {
    call.number = this.numbers++;
    this.calls.set(call.number, call);
    call.heldBy(this);
  }

  letGo(call: PendingCall): void {
    this.calls.delete(call.number);
  }

  /** All of them, the first one first; they may be let go meanwhile. */
  all(): Iterable<PendingCall> {
    return this.calls.values();
  }

  /** All of them; none waits here afterwards. */
  takeAll(): readonly PendingCall[] {
    const all = [...this.calls.values()];
    this.calls.clear();
    return all;
  }
}
