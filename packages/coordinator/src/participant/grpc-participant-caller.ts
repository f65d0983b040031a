import { type CallReply, metadataKeys } from '@tercet/core';
import { ChannelPool, type ConnectionState, metadataOf } from '@tercet/runtime';
import type { ParticipantCall, ParticipantCaller } from './participant-caller';

/** Calls participants over gRPC: raw bytes, a real deadline, the `tercet-*` metadata and the initiator's trace. */
export class GrpcParticipantCaller implements ParticipantCaller {
  private readonly channels = new ChannelPool();

  call(call: ParticipantCall): Promise<CallReply> {
    return this.channels.call(call.target, {
      method: call.method,
      payload: call.payload,
      metadata: metadataOf(textsOf(call)),
      deadlineMs: call.deadlineMs,
      signal: call.signal,
    });
  }

  connection(target: string): ConnectionState {
    return this.channels.connection(target);
  }

  whenReady(target: string, listener: () => void): () => void {
    return this.channels.whenReady(target, listener);
  }

  close(): void {
    this.channels.close();
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
