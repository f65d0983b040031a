/**
 * Gives the calls of one target to its usable streams.
 *
 * T1 A call goes on the stream with the fewest under way that takes it and has room; among equals, on each in turn.
 *    Where those that take it have no room it waits in the line of its kind; where none takes it, it goes unary.
 * T2 A command that was lost with its stream ends UNAVAILABLE. A Try whose stream announced a barrier is sent again,
 *    twice at most, on a stream that announces one, too. Where there is none it waits, and the next Hello decides.
 * T3 What was never written is not lost: it goes another way, and so does whoever waits when no stream is left.
 */
import { grpcCode } from '@tercet/core';
import { type CallKind, callKinds } from './credits';
import type { DeliverStream } from './deliver-stream';
import { localReply } from './participant-request';
import { type PendingCall, WaitingCalls } from './pending-call';

/** Calls of one kind that wait for room at one target; beyond it they are refused. */
const WAITING_MAX = 65_536;
/** How often a Try is sent again. */
const RESENDS_MAX = 2;

/** The usable streams of one target, and who waits for them. */
export class Dispatch {
  private readonly usable: DeliverStream[] = [];
  private readonly waiting: Readonly<Record<CallKind, WaitingCalls>> = {
    try: new WaitingCalls('the participant to take another Try'),
    phaseTwo: new WaitingCalls('the participant to take another Confirm or Cancel'),
  };
  private readonly lost = new WaitingCalls('another stream');
  private turn = 0;

  /** `unary` makes a call unary and ends it; it is given none that was ever sent. */
  constructor(private readonly unary: (call: PendingCall) => void) {}

  /** Whether there is a stream to give calls to. */
  get open(): boolean {
    return this.usable.length > 0;
  }

  /** Calls that wait. */
  get backlog(): number {
    return this.waiting.try.size + this.waiting.phaseTwo.size + this.lost.size;
  }

  /** Whether Tries wait for another stream because theirs broke. */
  get hasLost(): boolean {
    return this.lost.size > 0;
  }

  /** A stream has said Hello. */
  add(stream: DeliverStream): void {
    this.usable.push(stream);
    for (const call of this.lost.takeAll()) {
      const found = this.freest(call, true);
      if (found === 'none') call.end(call.trouble ?? unavailable('lost'));
      else this.sendOrHold(call, found, this.lost);
    }
    this.pump(stream);
  }

  /** A stream takes no more commands. False = it was none of the usable ones. */
  remove(stream: DeliverStream): boolean {
    const at = this.usable.indexOf(stream);
    if (at === -1) return false;
    this.usable.splice(at, 1);
    for (const kind of callKinds) {
      for (const call of this.waiting[kind].takeAll()) this.place(call);
    }
    return true;
  }

  /** Sends a call that was never sent, or lets it wait, or go unary (T1). */
  place(call: PendingCall): void {
    const found = this.open ? this.freest(call, false) : 'none';
    if (found === 'none') return this.unary(call);
    const line = this.waiting[call.kind];
    if (found !== 'full' || line.size < WAITING_MAX) return this.sendOrHold(call, found, line);
    const message = `not sent: ${line.size} calls wait for ${line.waitsFor} already`;
    call.end(localReply(grpcCode.RESOURCE_EXHAUSTED, message, { sent: false }));
  }

  /** A call was on `stream` when that broke, for the reason `message` (T2, T3). */
  fell(call: PendingCall, stream: DeliverStream, message: string): void {
    if (!call.sent) return this.place(call);
    call.trouble = stream.broken(message);
    if (call.kind !== 'try' || !stream.barrier || call.resends >= RESENDS_MAX) {
      return call.end(call.trouble);
    }
    call.resends++;
    const found = this.open ? this.freest(call, true) : 'none';
    this.sendOrHold(call, found === 'none' ? 'full' : found, this.lost);
  }

  /** Ends everybody who waits. */
  close(): void {
    this.usable.length = 0;
    for (const call of this.lost.takeAll()) call.end(call.trouble ?? unavailable('lost'));
    const waiting = callKinds.flatMap((kind) => this.waiting[kind].takeAll());
    for (const call of waiting) this.refuse(call);
  }

  /** Ends a call that was never sent, because this side closes. */
  refuse(call: PendingCall): void {
    call.end(unavailable('this side closed its connections'));
  }

  /** `stream` has room: lets those go that it takes. */
  pump(stream: DeliverStream): void {
    if (this.backlog === 0) return;
    if (stream.barrier) this.pumpFrom(this.lost, 'try', stream);
    for (const kind of callKinds) this.pumpFrom(this.waiting[kind], kind, stream);
  }

  private pumpFrom(line: WaitingCalls, kind: CallKind, stream: DeliverStream): void {
    for (const call of line.all()) {
      if (!stream.hasRoom(kind)) return;
      if (!stream.takes(call)) continue;
      line.letGo(call);
      stream.send(call);
    }
  }

  private sendOrHold(call: PendingCall, to: DeliverStream | 'full', line: WaitingCalls): void {
    if (to === 'full') line.add(call);
    else to.send(call);
  }

  private freest(call: PendingCall, again: boolean): DeliverStream | 'full' | 'none' {
    const { usable } = this;
    this.turn = (this.turn + 1) % usable.length;
    let best: DeliverStream | undefined;
    let taken = false;
    for (let i = 0; i < usable.length; i++) {
      const stream = usable[(this.turn + i) % usable.length] as DeliverStream;
      if (!stream.takes(call) || (again && !stream.barrier)) continue;
      taken = true;
      if (!stream.hasRoom(call.kind)) continue;
      if (best === undefined || stream.outstanding < best.outstanding) best = stream;
    }
    return best ?? (taken ? 'full' : 'none');
  }
}

function unavailable(message: string): ReturnType<typeof localReply> {
  return localReply(grpcCode.UNAVAILABLE, message, { sent: false });
}
