/** A call that came as a command of a stream: what Tercet sends travels in fields, not in metadata. */
import { type Metadata, status } from '@grpc/grpc-js';
import { type Clock, type Scheduler, type Timer, type TraceContext, limits } from '@tercet/core';
import type { DeliverCommand } from '@tercet/proto';
import { wireEnums } from '@tercet/runtime';
import { type CallAnswer, refusal } from '../call-answer';
import { type SentHeaders, readTrace } from '../call-headers';
import { IncomingCall } from '../incoming-call';
import type { Route } from '../routes';
import type { ServiceCalls } from '../service-calls';
import { headerText, metadataOfCommand, metadataProblem } from './command-metadata';

/** Who serves a method. */
export interface Served {
  readonly route: Route;
  readonly calls: ServiceCalls;
  /** The clock of the calls' deadlines. */
  readonly clock: Clock;
}

/** What the calls of one stream share. */
export interface StreamOfCall {
  readonly scheduler: Scheduler;
  readonly peer: string | undefined;
  /** What came with the stream itself. */
  readonly metadata: Metadata;
  /** Takes the answer of one of its calls. */
  answered(call: DeliverCall, answer: CallAnswer): void;
}

/** One command. */
export class DeliverCall extends IncomingCall {
  readonly deadline: number;
  readonly traceparent: string | undefined;
  private givenUpByCaller = false;
  private timer: Timer | undefined;
  private whole: Metadata | undefined;
  private decoded: unknown;

  constructor(
    readonly command: DeliverCommand,
    readonly served: Served,
    private readonly stream: StreamOfCall,
  ) {
    super();
    this.deadline = served.clock.now() + command.deadlineMs;
    this.traceparent = headerText(command.traceContext?.traceparent);
  }

  get request(): unknown {
    return this.decoded;
  }

  get peer(): string | undefined {
    return this.stream.peer;
  }

  get sent(): SentHeaders {
    return sentWith(this.command);
  }

  get trace(): TraceContext | undefined {
    return readTrace(this.traceparent, this.command.traceContext?.tracestate);
  }

  get metadata(): Metadata {
    this.whole ??= metadataOfCommand(this.command, this.stream.metadata);
    return this.whole;
  }

  /**
   * A handler that ends because its time is over ends at the very moment at which its caller stops waiting. As with
   * unary calls, whose deadline grpc-js keeps, what it answers comes too late: the two must not race.
   */
  answer(answer: CallAnswer): void {
    this.stream.answered(this, this.wasTold ? tooLate() : answer);
  }

  /** Decodes the request. False = it cannot be. To be called first. */
  decode(): boolean {
    try {
      this.decoded = this.served.route.method.requestDeserialize(this.command.payload);
      return true;
    } catch {
      return false;
    }
  }

  /** The caller has stopped waiting, or the stream is gone. Repeating is safe. */
  giveUp(): void {
    if (this.givenUpByCaller) return;
    this.givenUpByCaller = true;
    this.unwatch();
    this.abort();
  }

  protected isGone(): boolean {
    return this.givenUpByCaller || this.clock.now() >= this.deadline;
  }

  protected watch(): void {
    const leftMs = this.deadline - this.clock.now();
    this.timer = this.stream.scheduler.after(leftMs, () => this.abort());
  }

  protected unwatch(): void {
    this.timer?.cancel();
  }

  private get clock(): Clock {
    return this.served.clock;
  }
}

/** Why a command cannot be a call, in words for its caller; undefined = it can. Headers are checked with all calls. */
export function commandProblem({ deadlineMs, metadata }: DeliverCommand): string | undefined {
  if (deadlineMs < 1 || deadlineMs > limits.durationMsMax) {
    return `deadline_ms must be 1 to ${limits.durationMsMax}, got ${deadlineMs}`;
  }
  return metadata.length === 0 ? undefined : metadataProblem(metadata);
}

/** Word for word what grpc-js answers to a unary call. */
function tooLate(): CallAnswer {
  return refusal(status.DEADLINE_EXCEEDED, 'Deadline exceeded');
}

/** Where proto3 has no absence, its default is what an absent metadata key is. */
function sentWith(command: DeliverCommand): SentHeaders {
  return {
    phase: phaseOf(command.phase),
    gid: command.gid === '' ? undefined : command.gid,
    runId: command.runId === '' ? undefined : command.runId,
    branchId: command.branchId === '' ? undefined : command.branchId,
    attempt: command.attempt === 0 ? undefined : command.attempt,
    notAfter: command.notAfterUnixMs,
  };
}

/** A number that this version does not know is named in the refusal. */
function phaseOf(wire: number): string | undefined {
  return wire === 0 ? undefined : (wireEnums.phase.wordOf(wire) ?? String(wire));
}
