/**
 * Calls participants: on streams where they offer Deliver, unary everywhere else. Which one a call takes changes
 * nothing in what it means and how it ends.
 *
 * A1 Unary is the baseline: it needs no state, and takes whatever streams do not.
 * A2 What is known of a connection is what the target's unary channel knows; a usable stream is a connection, too.
 * A3 A target that offers no Deliver is remembered; see {@link UnaryOnly}.
 * A4 Targets come from outside: there is a limit to how many have streams. Those that were used longest ago, and by
 *    nobody now, give way; where there is none, a new target's calls are unary.
 */
import { type Clock, type Random, type Scheduler, grpcCode } from '@tercet/core';
import { systemClock } from '../../system-clock';
import { systemRandom } from '../../system-random';
import { systemScheduler } from '../../system-scheduler';
import { BATCH_BYTES_MAX } from '../batch-sender';
import { ChannelPool, type ChannelPoolLimits } from '../channel-pool';
import type { ConnectionState } from '../unary-channel';
import { AbortListeners } from './abort-listeners';
import type { DeliverStream } from './deliver-stream';
import { DueTimes } from './due-times';
import {
  type ParticipantReply,
  type ParticipantRequest,
  type StreamableRequest,
  localReply,
} from './participant-request';
import { PendingCall, type PendingDeps } from './pending-call';
import { type TargetDeps, TargetStreams } from './target-streams';
import { replyOfUnary, unaryMetadata } from './unary-form';
import { UnaryOnly } from './unary-only';

/** What is larger goes by itself: a participant that takes no message of that size would end the stream with all on it. */
const COMMAND_BYTES_MAX = BATCH_BYTES_MAX;
/** Most targets that have streams. */
const STREAM_TARGETS_MAX = 256;
/** Most targets that are remembered to offer none, and most whose retention is. */
const UNARY_TARGETS_MAX = 8_192;

/** Everything may be left out. */
export interface ParticipantChannelsOptions extends ChannelPoolLimits {
  /** `unary`: no streams at all. Default `auto`: where participants offer them. */
  readonly deliver?: 'auto' | 'unary' | undefined;
  /** Most targets that have streams. Default: 256. */
  readonly streamTargetsMax?: number | undefined;
  /** Default: the machine's wall clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's timers. */
  readonly scheduler?: Scheduler | undefined;
  /** Default: the machine's randomness. */
  readonly random?: Random | undefined;
}

/** All connections to participants. */
export class ParticipantChannels {
  private readonly pool: ChannelPool;
  private readonly targets = new Map<string, TargetStreams>();
  private readonly unaryOnly = new Map<string, UnaryOnly>();
  private readonly retentions = new Map<string, number>();
  private readonly aborts = new AbortListeners();
  private readonly clock: Clock;
  private readonly pending: PendingDeps;
  private readonly targetDeps: TargetDeps;
  private uses = 0;

  constructor(private readonly options: ParticipantChannelsOptions = {}) {
    const { clock = systemClock, scheduler = systemScheduler, random = systemRandom } = options;
    this.pool = new ChannelPool(options);
    this.clock = clock;
    this.pending = { clock, due: new DueTimes(clock, scheduler), aborts: this.aborts };
    this.targetDeps = { clock, scheduler, random, unary: (call) => this.goUnary(call) };
  }

  /** Calls once. Resolves with whatever happened, never rejects, ends at the latest about 1 % after its deadline. */
  call(request: ParticipantRequest): Promise<ParticipantReply> {
    if (request.signal?.aborted === true) {
      const givenUp = localReply(grpcCode.CANCELLED, 'given up before it was sent', {
        sent: false,
      });
      return Promise.resolve(givenUp);
    }
    if (!this.mayStream(request)) return this.unary(request);
    const streams = this.targets.get(request.target) ?? this.streamsOf(request.target);
    if (streams === undefined) return this.remembered(request);
    streams.usedAt = ++this.uses;
    return new Promise((resolve) => streams.take(new PendingCall(request, this.pending, resolve)));
  }

  /** What is known of the connection to `target`. Asking connects nowhere. */
  connection(target: string): ConnectionState {
    if (this.targets.get(target)?.open === true) return 'ready';
    return this.pool.connection(target);
  }

  /**
   * Tells `listener` once when there is a connection to `target` again, as {@link ChannelPool.whenReady}: one that is
   * there now has to be lost first.
   */
  whenReady(target: string, listener: () => void): () => void {
    const streams = this.targets.get(target);
    if (streams?.open !== true) return this.pool.whenReady(target, listener);
    let stop = streams.onBreak(() => {
      stop = this.pool.whenReady(target, listener);
    });
    return () => stop();
  }

  /**
   * How long the participant at `target` remembers a finished branch at least, ms, as its last Hello said; undefined =
   * none did, or too many others have since. It outlasts the streams: whoever is away remembers all the same.
   */
  barrierRetentionMs(target: string): number | undefined {
    return this.retentions.get(target);
  }

  /** Ends all connections; running calls end with an error. Repeating is safe, and a later call connects anew. */
  close(): void {
    const targets = [...this.targets.values()];
    this.targets.clear();
    this.unaryOnly.clear();
    for (const streams of targets) streams.close();
    this.aborts.close();
    this.pool.close();
  }

  private mayStream(request: ParticipantRequest): request is StreamableRequest {
    if (this.options.deliver === 'unary' || request.transport === 'unary') return false;
    if (request.payload.length > COMMAND_BYTES_MAX) return false;
    return request.context !== undefined && request.deadlineMs > 0;
  }

  /** Opens streams to a target that has none. Undefined = its calls are unary for now. */
  private streamsOf(target: string): TargetStreams | undefined {
    const known = this.unaryOnly.get(target);
    if (known?.isOver(this.clock.now()) === false || !this.hasRoom()) return undefined;
    const owner = {
      // Whoever was answered unary so far does not wait for the next answer.
      patient: known === undefined,
      notOffered: () => this.remember(target),
      idle: () => this.forget(target),
      greeted: (stream: DeliverStream) => this.keepRetention(target, stream.barrierRetentionMs),
    };
    try {
      const streams = new TargetStreams(target, this.targetDeps, owner);
      this.unaryOnly.delete(target);
      this.targets.set(target, streams);
      return streams;
    } catch {
      // It is no address: the unary call says so.
      return undefined;
    }
  }

  private keepRetention(target: string, ms: number | undefined): void {
    this.retentions.delete(target);
    if (ms !== undefined) this.retentions.set(target, ms);
    const [oldest] = this.retentions.size > UNARY_TARGETS_MAX ? this.retentions.keys() : [];
    if (oldest !== undefined) this.retentions.delete(oldest);
  }

  private hasRoom(): boolean {
    if (this.targets.size < (this.options.streamTargetsMax ?? STREAM_TARGETS_MAX)) return true;
    let oldest: string | undefined;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [target, streams] of this.targets) {
      if (streams.usedAt >= usedAt || streams.busy) continue;
      oldest = target;
      usedAt = streams.usedAt;
    }
    if (oldest !== undefined) this.forget(oldest);
    return oldest !== undefined;
  }

  private forget(target: string): void {
    const streams = this.targets.get(target);
    this.targets.delete(target);
    streams?.close();
  }

  private remember(target: string): void {
    this.forget(target);
    this.unaryOnly.set(target, new UnaryOnly(this.clock.now()));
    if (this.unaryOnly.size <= UNARY_TARGETS_MAX) return;
    for (const oldest of this.unaryOnly.keys()) {
      this.unaryOnly.delete(oldest);
      return;
    }
  }

  /** A unary call of a target without streams. */
  private async remembered(request: ParticipantRequest): Promise<ParticipantReply> {
    const { target } = request;
    const known = this.unaryOnly.get(target);
    if (known === undefined) return this.unary(request);
    known.before(this.pool.connection(target));
    const reply = await this.unary(request);
    known.after(reply.code, this.pool.connection(target));
    return reply;
  }

  /** A call that waited for a stream, or for nothing, and has never been sent. */
  private goUnary(call: PendingCall): void {
    const deadlineMs = call.leftMs(this.clock.now());
    call.handOver();
    void this.unary({ ...call.request, deadlineMs }).then((reply) => call.end(reply));
  }

  private async unary(request: ParticipantRequest): Promise<ParticipantReply> {
    const { target, method, payload, deadlineMs, signal } = request;
    try {
      const metadata = unaryMetadata(request);
      const call = { method, payload, metadata, deadlineMs, signal };
      return replyOfUnary(await this.pool.call(target, call));
    } catch (error) {
      // The channel never rejects: it is the metadata that gRPC does not take.
      const message = error instanceof Error ? error.message : String(error);
      return localReply(grpcCode.INVALID_ARGUMENT, `metadata: ${message}`, { sent: false });
    }
  }
}
