/** One attempt of a Try on its way out. */
import { type BranchSpec, type CallSignal, metadataKeys } from '@tercet/core';
import { type CallMetadata, traceMetadata } from './metadata-rules';
import type { RunIdentity } from './run-plan';
import type { TryCall, TryContext } from './try-caller';

/** What an attempt is made of. */
export interface TryAttempt {
  readonly identity: RunIdentity;
  readonly spec: BranchSpec;
  /** 1 for the first. */
  readonly attempt: number;
  readonly notAfter: number;
  /** The user's; undefined = none. */
  readonly userMetadata: CallMetadata | undefined;
  readonly signal: CallSignal;
  readonly transport: TryCall['transport'];
}

/** All that the call of an attempt carries as metadata. */
export function metadataOf(made: TryAttempt): CallMetadata {
  const { identity, spec, attempt, notAfter, userMetadata } = made;
  return {
    ...userMetadata,
    ...traceMetadata(identity.trace),
    [metadataKeys.gid]: identity.gid,
    [metadataKeys.runId]: identity.runId,
    [metadataKeys.branchId]: spec.id,
    [metadataKeys.action]: spec.action,
    [metadataKeys.phase]: 'try',
    [metadataKeys.attempt]: String(attempt),
    [metadataKeys.notAfter]: String(notAfter),
  };
}

/** An attempt as a caller gets it where nobody stands between: its metadata is put together if somebody looks. */
export class OutgoingTry implements TryCall {
  readonly target: string;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly context: TryContext;
  readonly userMetadata: CallMetadata | undefined;
  readonly signal: CallSignal;
  readonly transport: TryCall['transport'];

  constructor(
    private readonly made: TryAttempt,
    readonly deadlineMs: number,
  ) {
    const { identity, spec, attempt, notAfter } = made;
    this.target = spec.target;
    this.method = spec.methods.forward;
    this.payload = spec.payload;
    this.userMetadata = made.userMetadata;
    this.signal = made.signal;
    this.transport = made.transport;
    this.context = {
      gid: identity.gid,
      runId: identity.runId,
      branchId: spec.id,
      action: spec.action,
      phase: 'try',
      attempt,
      notAfter,
      trace: identity.trace,
    };
  }

  get metadata(): CallMetadata {
    return metadataOf(this.made);
  }
}
