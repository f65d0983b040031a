import type { BranchId } from './ids';
import type { CallFailure, Dialect } from './outcome';
import type { RetryPolicy } from './retry-policy';
import type { StuckReason } from './stuck-reason';

/** What kind of work a branch is. Only `tcc` is built. */
export type BranchMode = 'tcc' | 'saga' | 'message' | 'xa';
/** Who carries out phase one. Only `initiator` is built. */
export type BranchDriver = 'initiator' | 'coordinator' | 'participant';
/** Durable state of a branch. Attempts, errors and stuck reasons are columns, not statuses. */
export type BranchStatus = 'registered' | 'confirmed' | 'cancelled';
/** What is known of phase one. `none` = nothing was told, or (told by a rollback) the Try was never sent. */
export type PhaseOneStatus = 'none' | 'started' | 'done' | 'refused' | 'unknown';
/** What an initiator can tell of a Try. */
export type TryOutcome = 'not-sent' | 'done' | 'refused' | 'unknown';

/** A branch as its initiator registers it. Never changes afterwards. */
export interface BranchSpec {
  readonly id: BranchId;
  /** Name of the action for people: `reserve`. */
  readonly action: string;
  readonly mode: BranchMode;
  readonly driver: BranchDriver;
  readonly dialect: Dialect;
  /** gRPC address of the participant. */
  readonly target: string;
  /** Full method paths: `/shop.StockTcc/ReserveTry`. */
  readonly methods: { readonly forward: string; readonly confirm: string; readonly cancel: string };
  /** Encoded request of phase one, and of Confirm and Cancel where they have none of their own. */
  readonly payload: Uint8Array;
  readonly confirmPayload: Uint8Array | undefined;
  readonly cancelPayload: Uint8Array | undefined;
  /** Ids of branches that go first along a DAG. Not built: always empty. */
  readonly after: readonly BranchId[];
  /** Deadlines of one call, milliseconds. */
  readonly deadlines: {
    readonly forwardMs: number;
    readonly confirmMs: number;
    readonly cancelMs: number;
  };
  readonly retry: RetryPolicy;
  /** Time after the decision from which the unanswered branch counts as stuck, milliseconds. */
  readonly stuckAfterMs: number;
  /** Failed attempts from which the branch counts as stuck. */
  readonly stuckAttempts: number;
  /** Errors that time alone rarely mends park the branch instead of slowing its retries. */
  readonly parkPermanentErrors: boolean;
  /** The participant keeps a late Try out by itself. */
  readonly barrier: boolean;
}

/** Deadline of a call whose definition names none, milliseconds. */
export const CALL_DEADLINE_MS_DEFAULT = 5_000;
/** Time after the decision from which an unanswered branch counts as stuck, where its definition names none. */
export const STUCK_AFTER_MS_DEFAULT = 300_000;

/** Failed attempts from which a branch counts as stuck, where its definition names none. */
export const STUCK_ATTEMPTS_DEFAULT = 5;

/** How the phase-two calls of a branch went so far. Durable, but may lag by one attempt after a crash. */
export interface Attempts {
  /** Calls that ended. */
  readonly count: number;
  /** Failed calls since the backoff last began: an operator's retry or resume begins it anew, the history stays. */
  readonly streak: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  /** When the next one is due; undefined = at once where phase two is open, never where it is over. */
  readonly nextAt: number | undefined;
  readonly lastFailure: CallFailure | undefined;
  /** Reason that the last failure alone gives; age and count are added by `stuckReasonAt`. */
  readonly stuckReason: StuckReason | undefined;
}

/** A branch nobody has called in phase two. */
export const noAttempts: Attempts = {
  count: 0,
  streak: 0,
  firstAt: undefined,
  lastAt: undefined,
  nextAt: undefined,
  lastFailure: undefined,
  stuckReason: undefined,
};

/** What an operator asserted of a branch. Recorded beside its status. */
export interface Verdict {
  /** The end that the operator vouches for; it agrees with the decision. */
  readonly asserted: 'confirmed' | 'cancelled';
  /** Who, as told. */
  readonly by: string;
  /** Unix milliseconds of the coordinator. */
  readonly at: number;
  readonly reason: string;
}

/** A registered branch. */
export interface Branch {
  readonly spec: BranchSpec;
  readonly status: BranchStatus;
  readonly phaseOne: PhaseOneStatus;
  /** Whether the initiator told of the Try, even as unknown: only then may the first Cancel leave at once. */
  readonly tryTold: boolean;
  /** Time from which participants refuse to start the Try, Unix ms of the coordinator. */
  readonly notAfter: number;
  readonly attempts: Attempts;
  /** Automatic calls are stopped until an operator acts. */
  readonly parked: boolean;
  readonly verdict: Verdict | undefined;
}

/** The bytes that the given phase of a branch sends. */
export function payloadOf(
  spec: Pick<BranchSpec, 'payload' | 'confirmPayload' | 'cancelPayload'>,
  phase: 'confirm' | 'cancel',
): Uint8Array {
  return (phase === 'confirm' ? spec.confirmPayload : spec.cancelPayload) ?? spec.payload;
}

/** The service of a method path: `shop.StockTcc` of `/shop.StockTcc/ReserveTry`. */
export function serviceOf(methodPath: string): string {
  return methodPath.slice(1, methodPath.lastIndexOf('/'));
}

/**
 * Whether two registrations of one branch id are the same request: what would be called and with which bytes.
 * Deadlines, retry and stuck settings may differ between repeats (rule I9): they do not change the work.
 */
export function sameContent(a: BranchSpec, b: BranchSpec): boolean {
  return (
    a.target === b.target &&
    a.mode === b.mode &&
    a.driver === b.driver &&
    a.dialect === b.dialect &&
    a.methods.forward === b.methods.forward &&
    a.methods.confirm === b.methods.confirm &&
    a.methods.cancel === b.methods.cancel &&
    sameBytes(a.payload, b.payload) &&
    sameBytes(a.confirmPayload ?? a.payload, b.confirmPayload ?? b.payload) &&
    sameBytes(a.cancelPayload ?? a.payload, b.cancelPayload ?? b.payload)
  );
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, i) => byte === b[i]));
}
