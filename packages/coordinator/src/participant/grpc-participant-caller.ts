import { type CallReply, grpcCode, metadataKeys } from '@tercet/core';
import { UnaryChannel, metadataOf } from '@tercet/runtime';
import type { ParticipantCall, ParticipantCaller } from './participant-caller';

/**
 * Calls participants over gRPC: raw bytes, a real deadline, the `tercet-*` metadata and the initiator's trace.
 * One channel per target string; channels live as long as the caller.
 */
export class GrpcParticipantCaller implements ParticipantCaller {
  private readonly channels = new Map<string, UnaryChannel>();

  async call(call: ParticipantCall): Promise<CallReply> {
    try {
      return await this.channelTo(call.target).call({
        method: call.method,
        payload: call.payload,
        metadata: metadataOf(textsOf(call)),
        deadlineMs: call.deadlineMs,
        signal: call.signal,
      });
    } catch (error) {
      // A target that cannot be parsed throws here; to the branch it is a participant that cannot be reached.
      const message = `cannot call ${call.target}: ${error instanceof Error ? error.message : String(error)}`;
      return {
        code: grpcCode.UNAVAILABLE,
        message,
        verdict: undefined,
        retryAfterMs: undefined,
        peer: undefined,
      };
    }
  }

  close(): void {
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
  }

  private channelTo(target: string): UnaryChannel {
    let channel = this.channels.get(target);
    if (channel === undefined) {
      channel = new UnaryChannel(target);
      this.channels.set(target, channel);
    }
    return channel;
  }
}

function textsOf({ context }: ParticipantCall): Record<string, string | undefined> {
  return {
    [metadataKeys.gid]: context.gid,
    [metadataKeys.runId]: context.runId,
    [metadataKeys.branchId]: context.branchId,
    [metadataKeys.action]: context.action,
    [metadataKeys.phase]: context.phase,
    [metadataKeys.attempt]: String(context.attempt),
    [metadataKeys.notAfter]: context.notAfter === undefined ? undefined : String(context.notAfter),
    [metadataKeys.traceparent]: context.trace?.traceparent,
    [metadataKeys.tracestate]: context.trace?.tracestate || undefined,
  };
}
