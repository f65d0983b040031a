import { Metadata, status } from '@grpc/grpc-js';
import {
  type ConnectionState,
  UnaryChannel,
  type UnaryReply,
  type UnaryRequest,
} from './unary-channel';

/** Most channels kept open; beyond, those that were idle longest are closed. */
const CHANNELS_MAX = 256;

/** Most channels that are watched at a time: each holds its place in the pool and keeps connecting. */
const WATCHED_MAX = 1_024;

/** Limits of a pool; every one has a default. */
export interface ChannelPoolLimits {
  /** Most channels kept open while they are idle. Default: 256. */
  readonly channelsMax?: number | undefined;
  /** Most channels that are watched for a connection. Default: 1,024. */
  readonly watchedMax?: number | undefined;
}

interface Entry {
  readonly channel: UnaryChannel;
  running: number;
}

/**
 * One channel per target string, kept for the next call. Targets come from outside, so there is a limit to how many
 * stay open; a channel with a call under way, one that is watched and the one used last are never closed for it.
 */
export class ChannelPool {
  /** In the order of last use. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly limits: ChannelPoolLimits = {}) {}

  /** How many channels are open. */
  get size(): number {
    return this.entries.size;
  }

  /** Calls once, as {@link UnaryChannel.call}. A target that is no gRPC address counts as one that nobody reaches. */
  async call(target: string, request: UnaryRequest): Promise<UnaryReply> {
    let entry: Entry;
    try {
      entry = this.entryOf(target);
    } catch (error) {
      return unreachable(target, error);
    }
    entry.running += 1;
    try {
      return await entry.channel.call(request);
    } catch (error) {
      return unreachable(target, error);
    } finally {
      entry.running -= 1;
      this.closeIdle(target);
    }
  }

  /** What is known of the connection to `target`; `unknown` where no channel is open. Asking connects nowhere. */
  connection(target: string): ConnectionState {
    return this.entries.get(target)?.channel.connection ?? 'unknown';
  }

  /**
   * Tells `listener` once when the channel to `target` becomes ready, as {@link UnaryChannel.whenReady}, and keeps the
   * channel open and connecting until then. Beyond the limit of watched channels, and for a target that is no gRPC
   * address, it is never told: who listens has to call now and then in any case.
   */
  whenReady(target: string, listener: () => void): () => void {
    let entry: Entry;
    try {
      if (!this.mayWatch(target)) return () => undefined;
      entry = this.entryOf(target);
    } catch {
      return () => undefined;
    }
    const stop = entry.channel.whenReady(listener);
    return () => {
      stop();
      this.closeIdle(target);
    };
  }

  /** Ends all connections; running calls end with an error. Repeating is safe, and a later call connects anew. */
  close(): void {
    for (const { channel } of this.entries.values()) channel.close();
    this.entries.clear();
  }

  private entryOf(target: string): Entry {
    const entry = this.entries.get(target) ?? { channel: new UnaryChannel(target), running: 0 };
    this.entries.delete(target);
    this.entries.set(target, entry);
    return entry;
  }

  private mayWatch(target: string): boolean {
    if (this.entries.get(target)?.channel.watched === true) return true;
    const watched = [...this.entries.values()].filter(({ channel }) => channel.watched);
    return watched.length < (this.limits.watchedMax ?? WATCHED_MAX);
  }

  /** Keeps `used`: whoever called it is about to ask what is known of its connection. */
  private closeIdle(used: string): void {
    const channelsMax = this.limits.channelsMax ?? CHANNELS_MAX;
    if (this.entries.size <= channelsMax) return;
    for (const [target, { channel, running }] of this.entries) {
      if (this.entries.size <= channelsMax) return;
      if (running > 0 || target === used || channel.watched) continue;
      channel.close();
      this.entries.delete(target);
    }
  }
}

function unreachable(target: string, error: unknown): UnaryReply {
  const why = error instanceof Error ? error.message : String(error);
  return {
    code: status.UNAVAILABLE,
    message: `cannot call ${target}: ${why}`,
    payload: undefined,
    trailers: new Metadata(),
    verdict: undefined,
    retryAfterMs: undefined,
    peer: undefined,
  };
}
