/**
 * One Deliver stream to one address of a participant, on a connection of its own.
 *
 * C1 Nothing is sent before Hello, and nothing of a method or kind that Hello does not take, or above its credits.
 * C2 An outcome ends the command of its id, once. Unknown ids, repeated outcomes and those of commands that were given
 *    up are ignored.
 * C3 When the stream breaks, its owner gets every command without an outcome: those that were written, whose end nobody
 *    knows, apart from those that were not.
 * C4 A command that was given up is taken back while it has not left; else its id is told. Its credit is free either way.
 * C5 While it drains it takes no command. When the last one has its outcome it half-closes and waits for the end.
 */
import { type ClientDuplexStream, type StatusObject, status } from '@grpc/grpc-js';
import { type Clock, ReleasingMap, type Scheduler, type Timer, grpcCode } from '@tercet/core';
import {
  type DeliverOutcome,
  DeliverRequest,
  DeliverResponse,
  ParticipantService,
} from '@tercet/proto';
import { BatchReceiver } from '../batch-receiver';
import { BatchSender } from '../batch-sender';
import { encoderOf } from '../encoder';
import { UnaryChannel, essenceOf } from '../unary-channel';
import type { Address } from './addresses';
import { type Offer, commandBytes, commandOf, offerOf, replyOfOutcome } from './commands';
import { type CallKind, Credits } from './credits';
import type { Holder, PendingCall } from './pending-call';
import { type ParticipantReply, localReply } from './participant-request';

/** Longest wait for Hello once the call has left, and for the end after half-closing. */
const PATIENCE_MS = 10_000;
/** Bytes of a given-up id on the wire. */
const ID_BYTES = 6;
/** A reply that a unary call could bring fits, with what the stream adds to it. */
const MESSAGE_BYTES_MAX = 4 * 1_024 * 1_024 + 64 * 1_024;

/** What a participant, or a proxy before it, answers that knows of no Deliver or does not allow it. */
const finalCodes: readonly number[] = [
  grpcCode.UNIMPLEMENTED,
  grpcCode.UNAUTHENTICATED,
  grpcCode.PERMISSION_DENIED,
  grpcCode.INVALID_ARGUMENT,
];

/** How a stream ended. */
export interface StreamEnd {
  /** The participant does not offer Deliver, or nothing that can be used: asking again soon is no use. */
  readonly offered: boolean;
  /** For people. */
  readonly message: string;
  /** Written and not answered. */
  readonly lost: readonly PendingCall[];
  /** Never written. */
  readonly unsent: readonly PendingCall[];
}

/** Whoever opened the stream. Nothing is told after `ended`, and nothing after `close`. */
export interface StreamOwner {
  /** Hello came and can be used: commands may be sent. */
  opened(stream: DeliverStream): void;
  /** Credits became free. */
  roomFreed(stream: DeliverStream): void;
  /** The participant wants no new commands. */
  drains(stream: DeliverStream): void;
  /** It is over. */
  ended(stream: DeliverStream, end: StreamEnd): void;
}

/** What a stream needs. */
export interface StreamDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}

/** One stream, from asking for it to its end. */
export class DeliverStream implements Holder {
  readonly waitsFor = 'its stream';
  private readonly channel: UnaryChannel;
  private readonly call: ClientDuplexStream<DeliverRequest, DeliverResponse>;
  private readonly sender: BatchSender<PendingCall | number>;
  private readonly receiver: BatchReceiver<DeliverOutcome>;
  private readonly calls = new ReleasingMap<number, PendingCall>();
  private state: 'opening' | 'open' | 'draining' | 'ended' = 'opening';
  private offer: Offer | undefined;
  private credits = new Credits({ try: 0, phaseTwo: 0 });
  private lastId = 0;
  private refusal: string | undefined;
  private patience: Timer | undefined;

  constructor(
    readonly address: Address,
    private readonly deps: StreamDeps,
    private readonly owner: StreamOwner,
  ) {
    this.channel = new UnaryChannel(address.target, { channel: channelOptions(address) });
    this.sender = new BatchSender({
      scheduler: deps.scheduler,
      write: (items) => this.write(items),
      sizeOf: (item) => (typeof item === 'number' ? ID_BYTES : commandBytes(item.request)),
    });
    this.receiver = new BatchReceiver<DeliverOutcome>({
      scheduler: deps.scheduler,
      handle: (outcome) => this.take(outcome),
      handled: () => this.progress(),
    });
    this.call = this.channel.duplex({
      method: ParticipantService.deliver.path,
      serialize: encoded,
      deserialize: (bytes) => DeliverResponse.decode(bytes),
    });
    this.call.on('data', (response: DeliverResponse) => this.received(response));
    this.call.on('drain', () => this.sender.drained());
    this.call.on('status', (end: StatusObject) => this.over(end));
    // `status` tells the same; without a listener Node would throw.
    this.call.on('error', () => undefined);
    this.patience = deps.scheduler.after(PATIENCE_MS, () => this.noHello());
  }

  /** Commands without an outcome. */
  get outstanding(): number {
    return this.calls.size;
  }

  /** Whether its participant takes a Try again, as its Hello said. */
  get barrier(): boolean {
    return this.offer?.barrier === true;
  }

  /** How long its participant's barrier remembers a finished branch at least, ms; undefined = its Hello did not say. */
  get barrierRetentionMs(): number | undefined {
    return this.offer?.barrierRetentionMs;
  }

  /** Whether such a call may go on this stream at all. */
  takes(call: PendingCall): boolean {
    return this.offer?.takes(call.request.method) === true && this.credits.knows(call.kind);
  }

  /** Whether a call of this kind may leave now. */
  hasRoom(kind: CallKind): boolean {
    return this.state === 'open' && this.credits.hasRoom(kind);
  }

  /** Sends a call that it takes and has room for. */
  send(call: PendingCall): void {
    this.lastId = (this.lastId + 1) >>> 0;
    call.id = this.lastId;
    call.written = false;
    this.calls.set(call.id, call);
    this.credits.take(call.kind);
    call.heldBy(this);
    this.sender.push(call);
  }

  letGo(call: PendingCall): void {
    this.forget(call);
    if (call.written) this.sender.push(call.id);
    else this.sender.takeBack(call);
    this.owner.roomFreed(this);
    this.finish();
  }

  /** Takes no more commands, and ends once all have their outcome. One that is still opening ends at once. */
  drain(): void {
    if (this.state === 'opening') this.call.cancel();
    if (this.state !== 'open') return;
    this.state = 'draining';
    this.finish();
  }

  /** Ends it now, and tells its owner nothing. Commands under way end with UNAVAILABLE. Repeating is safe. */
  close(): void {
    if (this.state === 'ended') return;
    const calls = [...this.calls.values()];
    // A participant that stops gracefully waits for its streams: it sees the end, whether or not it answers it.
    if (calls.length === 0) this.call.end();
    this.settle();
    this.deps.scheduler.soon(() => this.call.cancel());
    for (const call of calls) call.end(this.broken('this side closed it', call.sent));
  }

  /** The end of a command that was lost with this stream. */
  broken(message: string, sent = true): ParticipantReply {
    const { peer } = this.address;
    const text = `the stream to ${peer} broke: ${message}`;
    return localReply(grpcCode.UNAVAILABLE, text, { peer, sent });
  }

  private received({ hello, outcomes, drain }: DeliverResponse): void {
    if (this.state === 'ended' || this.refusal !== undefined) return;
    if (this.offer === undefined && !this.welcome(hello, drain)) return;
    if (drain && this.state === 'open') {
      this.state = 'draining';
      this.owner.drains(this);
    }
    this.receiver.receive(outcomes);
  }

  private take(outcome: DeliverOutcome): void {
    const call = this.calls.get(outcome.id);
    if (call?.written !== true) return;
    this.forget(call);
    call.end(replyOfOutcome(outcome, this.address.peer));
  }

  private progress(): void {
    this.owner.roomFreed(this);
    this.finish();
  }

  private welcome(hello: DeliverResponse['hello'], drain: boolean): boolean {
    const offer = offerOf(hello);
    this.patience?.cancel();
    if (typeof offer === 'string') {
      this.refusal = offer;
      this.call.cancel();
      return false;
    }
    this.offer = offer;
    this.credits = new Credits(offer.credits);
    this.state = 'open';
    if (!drain) this.owner.opened(this);
    return true;
  }

  private noHello(): void {
    // A connection that is not there yet says nothing about what the participant offers.
    if (this.channel.connection === 'ready') this.refusal = 'it said no Hello in time';
    this.call.cancel();
  }

  private write(items: readonly (PendingCall | number)[]): boolean {
    const now = this.deps.clock.now();
    const request: DeliverRequest = { commands: [], givenUpIds: [] };
    for (const item of items) {
      if (typeof item === 'number') {
        request.givenUpIds.push(item);
        continue;
      }
      item.sent = true;
      item.written = true;
      request.commands.push(commandOf(item.request, item.id, item.leftMs(now)));
    }
    return this.call.write(request);
  }

  private forget(call: PendingCall): void {
    if (this.calls.delete(call.id)) this.credits.give(call.kind);
  }

  /** Half-closes where there is nothing left to wait for. */
  private finish(): void {
    if (this.state !== 'draining' || this.calls.size > 0 || this.call.writableEnded) return;
    this.sender.flush();
    this.call.end();
    this.patience = this.deps.scheduler.after(PATIENCE_MS, () => this.call.cancel());
  }

  private over(end: StatusObject): void {
    // What came before the end counts.
    this.receiver.flush();
    if (this.state === 'ended') return;
    const calls = [...this.calls.values()];
    const offered =
      this.offer !== undefined || (this.refusal === undefined && !finalCodes.includes(end.code));
    this.settle();
    const message = this.refusal ?? whyEnded(end);
    this.owner.ended(this, {
      offered,
      message,
      lost: calls.filter(({ written }) => written),
      unsent: calls.filter(({ written }) => !written),
    });
  }

  private settle(): void {
    this.state = 'ended';
    this.calls.clear();
    this.patience?.cancel();
    this.sender.close();
    this.receiver.close();
    this.channel.close();
  }
}

function channelOptions({ authority }: Address): Record<string, string | number> {
  return {
    'grpc.default_authority': authority,
    // A stream that is idle would not learn that its peer is gone.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // A stream that replaces an old one gets another connection: behind a balancer perhaps another process.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  };
}

const encoded = encoderOf(DeliverRequest);

function whyEnded({ code, details }: StatusObject): string {
  return code === status.OK ? 'the participant ended it' : essenceOf(details);
}
