import { Metadata, status } from '@grpc/grpc-js';
import { UnaryChannel, type UnaryReply, type UnaryRequest } from './unary-channel';

/** Most channels kept open; beyond, those that were idle longest are closed. */
const CHANNELS_MAX = 256;

interface Entry {
  readonly channel: UnaryChannel;
  running: number;
}

/**
 * One channel per target string, kept for the next call. Targets come from outside, so there is a limit to how many
 * stay open; a channel with a call under way is never closed.
 */
export class ChannelPool {
  /** In the order of last use. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly channelsMax = CHANNELS_MAX) {}

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
      this.closeIdle();
    }
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

  private closeIdle(): void {
    if (this.entries.size <= this.channelsMax) return;
    for (const [target, { channel, running }] of this.entries) {
      if (this.entries.size <= this.channelsMax) return;
      if (running > 0) continue;
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
