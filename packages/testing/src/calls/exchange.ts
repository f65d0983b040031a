/**
 * The one way of every call to a participant: here it is written down, meets its faults, and is ended by its virtual
 * deadline.
 *
 * X1 A call ends once, for its caller: by the participant's answer, a fault, its deadline on the virtual clock, or by being given
 *    up. What is on the wire then is cancelled.
 * X2 While a call is on the wire virtual time waits for it; while a fault keeps it, it does not.
 */
import {
  CallSignalSource,
  type AbortListener,
  type Clock,
  type Scheduler,
  type Timer,
  grpcCode,
} from '@tercet/core';
import type { ConnectionState, ParticipantReply } from '@tercet/runtime';
import type { FaultKind, FaultPlan } from '../faults/fault';
import { type History, type OpenRecord, recordedAnswer } from '../history';
import type { UnderWay } from '../time/under-way';
import { HeldTries } from './held-tries';
import { type OutgoingCall, type Wire, madeReply } from './outgoing-call';

/** What it needs. */
export interface ExchangeDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly wire: Wire;
  readonly faults: FaultPlan;
  readonly history: History;
  readonly underWay: UnderWay;
  /** A call that reached the participant was answered. */
  readonly onAnswered: (call: OutgoingCall, reply: ParticipantReply, readsBefore: number) => void;
  /** How often the participants' clock was read so far. */
  readonly clockReads: () => number;
}

/** All calls. */
export class Exchange {
  private readonly held = new HeldTries();
  private waiting = 0;

  constructor(private readonly deps: ExchangeDeps) {}

  /** Calls that have not ended for their callers. */
  get open(): number {
    return this.waiting;
  }

  /** What is known of the connection to `target`. */
  connection(target: string): ConnectionState {
    return this.deps.wire.connection(target);
  }

  /** Calls once. Resolves with whatever happened, never rejects. */
  async call(call: OutgoingCall): Promise<ParticipantReply> {
    if (call.signal.aborted) {
      return madeReply(grpcCode.CANCELLED, 'given up before it was sent', { sent: false });
    }
    const { deps } = this;
    const record = deps.history.begin(call, deps.clock.now());
    this.waiting++;
    const reply = await new Promise<ParticipantReply>((resolve) => {
      const one = new OneCall(call, { ...deps, record, resolve });
      this.start(one, call);
    });
    this.waiting--;
    record.endedAt = deps.clock.now();
    record.answer = recordedAnswer(reply);
    return reply;
  }

  private start(one: OneCall, call: OutgoingCall): void {
    const fault = this.deps.faults.take(call.method, call.context?.phase);
    if (fault === undefined) void this.deliverAndEnd(one, call);
    else this.suffer(one, call, fault);
  }

  private suffer(one: OneCall, call: OutgoingCall, fault: FaultKind): void {
    one.meets(faultText(fault));
    switch (fault.kind) {
      case 'fail':
        return one.end(madeReply(fault.code, fault.message, { verdict: fault.verdict }));
      case 'hang':
        return;
      case 'delay':
        return one.later(fault.ms, () => void this.deliverAndEnd(one, call));
      case 'dropReply':
        return void one.deliver().then(() => one.end(lost('the answer was lost')));
      case 'duplicate':
        return void this.deliverTwice(one, call);
      case 'reorder':
        this.held.hold(call);
        return one.end(lost('the connection was lost while the Try was on its way'));
    }
  }

  private async deliverAndEnd(one: OneCall, call: OutgoingCall): Promise<void> {
    const reply = await one.deliver();
    this.answered(call);
    one.end(reply);
  }

  private async deliverTwice(one: OneCall, call: OutgoingCall): Promise<void> {
    const [first] = await Promise.all([one.deliver(), one.deliver()]);
    this.answered(call);
    one.end(first);
  }

  /** A Cancel was answered: what its Try was held for. */
  private answered(call: OutgoingCall): void {
    if (call.context?.phase !== 'cancel') return;
    for (const late of this.held.release(call)) void this.deliverLate(late);
  }

  private async deliverLate(call: OutgoingCall): Promise<void> {
    const { deps } = this;
    const record = deps.history.begin(call, deps.clock.now());
    record.fault = 'arrives after its Cancel';
    const reply = await new Promise<ParticipantReply>((resolve) => {
      const one = new OneCall(call, { ...deps, record, resolve });
      void one.deliver().then((answer) => one.end(answer));
    });
    record.endedAt = deps.clock.now();
    record.answer = recordedAnswer(reply);
  }
}

interface OneCallDeps extends ExchangeDeps {
  readonly record: OpenRecord;
  readonly resolve: (reply: ParticipantReply) => void;
}

/** One call, until its caller has an answer. */
class OneCall {
  private readonly giveUp = new CallSignalSource();
  private readonly deadlineAt: number;
  private readonly deadline: Timer;
  private readonly onAbort: AbortListener = () =>
    this.end(
      madeReply(grpcCode.CANCELLED, 'Cancelled on client', { sent: this.deps.record.sent > 0 }),
    );
  private pause: Timer | undefined;
  private ended = false;

  constructor(
    private readonly call: OutgoingCall,
    private readonly deps: OneCallDeps,
  ) {
    const { clock, scheduler } = deps;
    this.deadlineAt = clock.now() + call.deadlineMs;
    this.deadline = scheduler.after(call.deadlineMs, () => this.expire());
    call.signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /** A fault happens to it. */
  meets(fault: string): void {
    this.deps.record.fault = fault;
  }

  /** Goes on after so many virtual milliseconds, unless it has ended. */
  later(ms: number, goOn: () => void): void {
    this.pause = this.deps.scheduler.after(ms, goOn);
  }

  /** Sends it; resolves with the participant's answer. The call goes on. */
  async deliver(): Promise<ParticipantReply> {
    const { wire, underWay, record, onAnswered, clockReads } = this.deps;
    record.sent++;
    const work = underWay.begin(workKey(this.call));
    const reads = clockReads();
    const reply = await wire.send({
      ...this.call,
      signal: this.giveUp,
      deadlineAt: this.deadlineAt,
    });
    work.end();
    onAnswered(this.call, reply, reads);
    return reply;
  }

  /** X1. */
  end(reply: ParticipantReply): void {
    if (this.ended) return;
    this.ended = true;
    this.deadline.cancel();
    this.pause?.cancel();
    this.call.signal.removeEventListener('abort', this.onAbort);
    this.deps.resolve(reply);
    this.giveUp.abort(undefined);
  }

  private expire(): void {
    const text = `Deadline exceeded after ${(this.call.deadlineMs / 1_000).toFixed(3)}s`;
    this.end(madeReply(grpcCode.DEADLINE_EXCEEDED, text));
  }
}

/** Under which a call's work is found from inside its handler. */
export function workKey({ context }: Pick<OutgoingCall, 'context'>): string {
  return handlerKey(context?.runId ?? '', context?.branchId ?? '', context?.phase ?? 'try');
}

/** The same, from what the handler knows. */
export function handlerKey(runId: string, branchId: string, phase: string): string {
  return `${runId}/${branchId}/${phase}`;
}

function lost(what: string): ParticipantReply {
  return madeReply(grpcCode.UNAVAILABLE, `${what} (env.faults)`);
}

function faultText(fault: FaultKind): string {
  switch (fault.kind) {
    case 'fail':
      return 'made to fail';
    case 'dropReply':
      return 'answer dropped';
    case 'duplicate':
      return 'duplicated';
    case 'delay':
      return `delayed by ${fault.ms} ms`;
    case 'hang':
      return 'hangs';
    case 'reorder':
      return 'held until its Cancel was answered';
  }
}
