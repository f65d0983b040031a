/** Tries over gRPC: on a stream where the participant offers one, else unary. */
import {
  ParticipantChannels,
  type ParticipantChannelsOptions,
  type ParticipantReply,
  splitMetadata,
} from '@tercet/runtime';
import type { TryCall, TryCaller, TryReply } from '../run/try-caller';

/** `TryCaller` over gRPC channels. */
export class GrpcTryCaller implements TryCaller {
  private readonly channels: ParticipantChannels;

  constructor(options: ParticipantChannelsOptions = {}) {
    this.channels = new ParticipantChannels(options);
  }

  call(call: TryCall): Promise<TryReply> {
    const { target, method, payload, deadlineMs, signal, transport } = call;
    const { context, metadata } =
      call.context === undefined
        ? splitMetadata(call.metadata)
        : { context: call.context, metadata: call.userMetadata };
    const request = { target, method, payload, deadlineMs, signal, transport, context, metadata };
    return this.channels.call(request).then(tryReplyOf);
  }

  close(): void {
    this.channels.close();
  }
}

function tryReplyOf(reply: ParticipantReply): TryReply {
  const { rejectDetails } = reply;
  return rejectDetails === undefined
    ? reply
    : { ...reply, rejectDetails: detailsOf(rejectDetails) };
}

function detailsOf({ buffer, byteOffset, byteLength }: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}
