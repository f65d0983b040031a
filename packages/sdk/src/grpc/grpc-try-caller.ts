/** Participants over unary gRPC: one channel per target, kept for the next Try. */
import { metadataKeys } from '@tercet/core';
import { ChannelPool, type UnaryReply, metadataOf } from '@tercet/runtime';
import type { TryCall, TryCaller, TryReply } from '../run/try-caller';

/** `TryCaller` over gRPC channels. */
export class GrpcTryCaller implements TryCaller {
  private readonly channels = new ChannelPool();

  async call(call: TryCall): Promise<TryReply> {
    const reply = await this.channels.call(call.target, {
      method: call.method,
      payload: call.payload,
      metadata: toMetadata(call.metadata),
      deadlineMs: call.deadlineMs,
      signal: call.signal,
    });
    return { ...reply, rejectDetails: detailsOf(reply), branches: branchesOf(reply) };
  }

  close(): void {
    this.channels.close();
  }
}

function toMetadata(values: TryCall['metadata']): ReturnType<typeof metadataOf> {
  const metadata = metadataOf({});
  for (const [key, value] of Object.entries(values)) {
    metadata.set(key, typeof value === 'string' ? value : Buffer.from(value));
  }
  return metadata;
}

/** Unchecked: who called knows which ids can be true. */
function branchesOf({ trailers }: UnaryReply): readonly string[] {
  const texts = trailers.get(metadataKeys.branches).flatMap((text) => String(text).split(','));
  return texts.map((text) => text.trim()).filter((text) => text !== '');
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
