import { ParticipantChannels, type ConnectionState } from '@tercet/runtime';
import type { CallReply, Clock, Random, Scheduler } from '@tercet/core';
import type { ParticipantCall, ParticipantCaller } from './participant-caller';

/** How participants are called. */
export interface GrpcParticipantCallerOptions {
  /** `auto`: on a stream where a participant offers one, else unary. `unary`: always so. Default `auto`. */
  readonly deliver?: 'auto' | 'unary' | undefined;
  /** Default: the machine's wall clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's timers. */
  readonly scheduler?: Scheduler | undefined;
  /** Default: the machine's randomness. */
  readonly random?: Random | undefined;
}

/**
 * Calls participants over gRPC: raw bytes, a real deadline, what Tercet says with every call, the initiator's trace. The
 * same on a stream and unary.
 */
export class GrpcParticipantCaller implements ParticipantCaller {
  private readonly channels: ParticipantChannels;

  constructor(options: GrpcParticipantCallerOptions = {}) {
    this.channels = new ParticipantChannels(options);
  }

  call(call: ParticipantCall): Promise<CallReply> {
    return this.channels.call(call);
  }

  connection(target: string): ConnectionState {
    return this.channels.connection(target);
  }

  whenReady(target: string, listener: () => void): () => void {
    return this.channels.whenReady(target, listener);
  }

  barrierRetentionMs(target: string): number | undefined {
    return this.channels.barrierRetentionMs(target);
  }

  close(): void {
    this.channels.close();
  }
}
