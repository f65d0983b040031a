/** A call that came as a unary one: everything beside the request travels as metadata and trailers. */
import {
  Metadata,
  type ServerUnaryCall,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { type TraceContext, metadataKeys } from '@tercet/core';
import { textOf } from '@tercet/runtime';
import type { MethodLike } from '../service-definition';
import type { AnswersUnderWay } from './answers-under-way';
import { type CallAnswer, type CallReply, type CallRefusal, emptyReply } from './call-answer';
import { type SentHeaders, readTrace, sentIn } from './call-headers';
import { IncomingCall } from './incoming-call';

/** What grpc-js hands to the handler of a unary method. */
export type GrpcCall = ServerUnaryCall<unknown, unknown>;

/** How a unary call is answered. */
export interface UnaryAnswering {
  readonly method: MethodLike;
  readonly callback: sendUnaryData<unknown>;
  readonly answers: AnswersUnderWay;
}

/** One unary call. */
export class UnaryCall extends IncomingCall {
  readonly deadline: number | undefined;
  readonly peer: string | undefined;
  readonly traceparent: string | undefined;
  private listener: (() => void) | undefined;

  constructor(
    private readonly call: GrpcCall,
    private readonly answering: UnaryAnswering,
  ) {
    super();
    this.deadline = deadlineOf(call);
    this.peer = peerOf(call);
    this.traceparent = textOf(call.metadata, metadataKeys.traceparent);
  }

  get request(): unknown {
    return this.call.request;
  }

  get sent(): SentHeaders {
    return sentIn(this.call.metadata);
  }

  get metadata(): Metadata {
    return this.call.metadata;
  }

  get trace(): TraceContext | undefined {
    return readTrace(this.traceparent, textOf(this.call.metadata, metadataKeys.tracestate));
  }

  answer(answer: CallAnswer): void {
    const { method, callback, answers } = this.answering;
    answers.add(this.call);
    if (answer.kind === 'reply') {
      callback(null, answer.reply ?? emptyReply(method), trailersOf(answer));
    } else {
      callback(statusOf(answer));
    }
  }

  protected isGone(): boolean {
    return this.call.cancelled;
  }

  protected watch(): void {
    this.listener = () => this.abort();
    this.call.once('cancelled', this.listener);
  }

  /** grpc-js says `cancelled` after every call's end, too. */
  protected unwatch(): void {
    if (this.listener !== undefined) this.call.off('cancelled', this.listener);
  }
}

/** The address at the other end; undefined = it is gone. */
export function peerOf(call: { getPeer(): string }): string | undefined {
  const peer = call.getPeer();
  return peer === 'unknown' ? undefined : peer;
}

/** The status of a refusal, with its trailers. */
export function statusOf({ code, message, ...said }: CallRefusal): StatusObject {
  const metadata = new Metadata();
  const { verdict, retryAfterMs, details } = said;
  if (verdict !== undefined) metadata.set(metadataKeys.verdict, verdict);
  if (retryAfterMs !== undefined) metadata.set(metadataKeys.retryAfterMs, String(retryAfterMs));
  if (details !== undefined) metadata.set(metadataKeys.rejectDetails, details);
  return { code, details: message, metadata };
}

function trailersOf({ branches }: CallReply): Metadata {
  const trailers = new Metadata();
  if (branches.length > 0) trailers.set(metadataKeys.branches, branches.join(','));
  return trailers;
}

function deadlineOf(call: GrpcCall): number | undefined {
  const deadline = call.getDeadline();
  const at = typeof deadline === 'number' ? deadline : deadline.getTime();
  return Number.isFinite(at) ? at : undefined;
}
