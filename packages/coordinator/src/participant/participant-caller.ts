import type { BranchId, CallReply, Gid, RunId, TraceContext } from '@tercet/core';
import type { ConnectionState } from '@tercet/runtime';

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

/** What is known of the connections to participants. Asking neither connects nor calls. */
export interface Connections {
  /**
   * `ready`: there is a connection. `down`: there is none, and the last attempt to get one failed; a participant that
   * answers UNAVAILABLE over a live connection is not down. `unknown`: neither is known.
   */
  connection(target: string): ConnectionState;
  /**
   * Tells `listener` once, when the connection to `target` becomes ready: not for one that is ready now, and never
   * twice. The channel is kept and goes on connecting until then. Returns what stops that; calling it twice, or too
   * late, does nothing. It may never tell: beyond the channels that can be watched, or after `close`.
   */
  whenReady(target: string, listener: () => void): () => void;
}

/** The port through which phase two leaves. */
export interface ParticipantCaller extends Connections {
  /** Calls once. Resolves with whatever happened, never rejects, never repeats by itself. */
  call(call: ParticipantCall): Promise<CallReply>;
  /**
   * How long the participant at `target` remembers a finished branch at least, ms, as it announced; undefined = it did
   * not. Absent = nobody ever does.
   */
  barrierRetentionMs?(target: string): number | undefined;
  /** Ends all connections and tells nobody any more. Repeating is safe. */
  close(): void;
}
