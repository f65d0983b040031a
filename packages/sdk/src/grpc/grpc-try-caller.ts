/** Participants over unary gRPC: one channel per target, kept for the next Try. */
import { metadataKeys } from '@tercet/core';
import { UnaryChannel, type UnaryReply, metadataOf } from '@tercet/runtime';
import type { TryCall, TryCaller, TryReply } from '../run/try-caller';
import { plainMessage } from './status-text';

/** Most channels kept open; beyond, the one that was idle longest is closed. */
const CHANNELS_MAX = 256;

interface Entry {
  readonly channel: UnaryChannel;
  running: number;
}

/** `TryCaller` over gRPC channels. */
export class GrpcTryCaller implements TryCaller {
  /** In the order of last use. */
  private readonly entries = new Map<string, Entry>();

  async call(call: TryCall): Promise<TryReply> {
    const entry = this.entryOf(call.target);
    entry.running += 1;
    try {
      const reply = await entry.channel.call({
        method: call.method,
        payload: call.payload,
        metadata: toMetadata(call.metadata),
        deadlineMs: call.deadlineMs,
        signal: call.signal,
      });
      return { ...reply, message: plainMessage(reply.message), rejectDetails: detailsOf(reply) };
    } finally {
      entry.running -= 1;
    }
  }

  close(): void {
    for (const { channel } of this.entries.values()) channel.close();
    this.entries.clear();
  }

  private entryOf(target: string): Entry {
    const known = this.entries.get(target);
    const entry = known ?? { channel: new UnaryChannel(target), running: 0 };
    this.entries.delete(target);
    this.entries.set(target, entry);
    if (known === undefined) this.closeIdle();
    return entry;
  }

  private closeIdle(): void {
    for (const [target, { channel, running }] of [...this.entries].slice(0, -1)) {
      if (this.entries.size <= CHANNELS_MAX) return;
      if (running > 0) continue;
      channel.close();
      this.entries.delete(target);
    }
  }
}

function toMetadata(values: TryCall['metadata']): ReturnType<typeof metadataOf> {
  const metadata = metadataOf({});
  for (const [key, value] of Object.entries(values)) {
    metadata.set(key, typeof value === 'string' ? value : Buffer.from(value));
  }
  return metadata;
}

function detailsOf(reply: UnaryReply): unknown {
  const bytes = reply.trailers.get(metadataKeys.rejectDetails)[0];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
