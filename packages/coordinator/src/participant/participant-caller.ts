import type { BranchId, CallReply, Gid, RunId, TraceContext } from '@tercet/core';

/** One phase-two call as the engine orders it. */
export interface ParticipantCall {
  /** gRPC address as registered. */
  readonly target: string;
  /** Full method path. */
  readonly method: string;
  /** Encoded request, passed on byte for byte. */
  readonly payload: Uint8Array;
  /** Becomes the `tercet-*` metadata. */
  readonly context: {
    readonly gid: Gid;
    readonly runId: RunId;
    readonly branchId: BranchId;
    readonly action: string;
    readonly phase: 'confirm' | 'cancel';
    /** 1 for the first call. */
    readonly attempt: number;
    /** Sent with Cancel only: until then a late Try may still arrive. */
    readonly notAfter: number | undefined;
    readonly trace: TraceContext | undefined;
  };
  /** Time for this attempt, milliseconds; a real gRPC deadline. */
  readonly deadlineMs: number;
  /** Aborted when the coordinator stops. */
  readonly signal: AbortSignal;
}

/** The port through which phase two leaves. */
export interface ParticipantCaller {
  /** Calls once. Resolves with whatever happened, never rejects, never repeats by itself. */
  call(call: ParticipantCall): Promise<CallReply>;
  /** Ends all connections. Repeating is safe. */
  close(): void;
}
