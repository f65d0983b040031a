/** The two ends from which participants are called, as the coordinator and the SDK know them. */
import type { CallReply } from '@tercet/core';
import type { ParticipantCall, ParticipantCaller } from '@tercet/coordinator';
import { type ConnectionState, type ParticipantReply, splitMetadata } from '@tercet/runtime';
import type { TryCall, TryCaller, TryReply } from '@tercet/sdk';
import type { Exchange } from './exchange';

/** The coordinator's end: Confirm and Cancel. */
export class PhaseTwoCaller implements ParticipantCaller {
  constructor(private readonly exchange: Exchange) {}

  call(call: ParticipantCall): Promise<CallReply> {
    return this.exchange.call({ ...call, metadata: undefined });
  }

  connection(target: string): ConnectionState {
    return this.exchange.connection(target);
  }

  /** Never tells: a connection comes back with the next call, which the coordinator makes on its own clock. */
  whenReady(): () => void {
    return () => undefined;
  }

  /** The wire belongs to the test coordinator. */
  close(): void {}
}

/** The SDK's end: Try. */
export class PhaseOneCaller implements TryCaller {
  constructor(private readonly exchange: Exchange) {}

  async call(call: TryCall): Promise<TryReply> {
    const { target, method, payload, deadlineMs, signal } = call;
    const { context, metadata } =
      call.context === undefined
        ? splitMetadata(call.metadata)
        : { context: call.context, metadata: call.userMetadata };
    const request = { target, method, payload, context, metadata, deadlineMs, signal };
    return tryReplyOf(await this.exchange.call(request));
  }

  /** The wire belongs to the test coordinator. */
  close(): void {}
}

function tryReplyOf(reply: ParticipantReply): TryReply {
  return { ...reply, rejectDetails: detailsOf(reply.rejectDetails) };
}

function detailsOf(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
