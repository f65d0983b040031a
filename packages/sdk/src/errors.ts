/**
 * What `run`, `get`, `wait` and Tries can reject with. All extend TercetError: `code` is stable, the text is not,
 * `hint` says what can be done, `cause` what led to it.
 */
import { type BranchFailure, type DecisionKind, TercetError } from '@tercet/core';
import type { BranchView } from './transaction-view';

/** A participant refused its Try: nothing of it was applied, the transaction is cancelled. */
export class TryRejectedError extends TercetError {
  override readonly name: string = 'TryRejectedError';
  /** What the participant said: the text of its `TccReject`. */
  readonly reason: string;

  constructor(
    gid: string,
    /** The failed call; `failure.details` is what the participant gave with `TccReject`. */
    readonly failure: BranchFailure,
  ) {
    super('TRY_REJECTED', {
      message: `${labelOf(failure)} was refused: ${failure.message}`,
      details: detailsOf(gid, failure),
    });
    this.reason = failure.message;
  }
}

/**
 * A Try did not succeed and was not refused: its deadline passed, the participant was unavailable or failed, or
 * the run gave the call up. It may have been applied; the transaction is cancelled.
 */
export class TryUnknownError extends TercetError {
  override readonly name: string = 'TryUnknownError';

  constructor(
    gid: string,
    /** The failed call. */
    readonly failure: BranchFailure,
    cause?: unknown,
  ) {
    super('TRY_UNKNOWN', {
      message: `${labelOf(failure)} ended with nobody knowing whether it was applied: ${failure.message}`,
      details: detailsOf(gid, failure),
      cause,
    });
  }
}

/** What a TransactionCancelledError is made of. */
export interface CancelledInit {
  readonly gid: string;
  readonly runId: string;
  readonly status: 'cancelled' | 'cancelling';
  readonly branches: readonly BranchFailure[];
  /** What failed first. */
  readonly cause: unknown;
}

/**
 * The transaction was rolled back. `cause` is what failed first: a TryRejectedError, a TryUnknownError, the
 * callback's own error, or a TercetError with the code DEADLINE_EXCEEDED (timeout) or CALL_CANCELLED (abort).
 */
export class TransactionCancelledError extends TercetError {
  override readonly name: string = 'TransactionCancelledError';
  /** The run that opened the transaction. */
  readonly runId: string;
  /** `cancelled`: every Cancel was answered. `cancelling`: it is decided and goes on without the caller. */
  readonly status: 'cancelled' | 'cancelling';
  /** Every failed Try, and every Cancel that has failed so far. */
  readonly branches: readonly BranchFailure[];

  constructor(init: CancelledInit) {
    super('TRANSACTION_CANCELLED', {
      message: `transaction ${init.gid} was rolled back: ${textOfCause(init.cause)}`,
      details: { gid: init.gid, run_id: init.runId, status: init.status },
      cause: init.cause,
    });
    this.runId = init.runId;
    this.status = init.status;
    this.branches = init.branches;
  }
}

/**
 * Another run owns this gid. Only Tries reject with it, so that the callback's `finally` runs; `run` ignores the
 * callback's outcome and gives the other run's.
 */
export class AttachedError extends TercetError {
  override readonly name: string = 'AttachedError';

  constructor(gid: string, cause?: unknown) {
    super('ATTACHED', { details: { gid }, cause });
  }
}

/** What a TransactionPendingError is made of. */
export interface PendingInit {
  readonly gid: string;
  readonly waitedFor: 'decided' | 'executed' | 'settled';
  readonly decision: DecisionKind | undefined;
  readonly branches: readonly BranchView[];
}

/** The time of a wait ran out before the fact held. Nothing is wrong yet: the transaction goes on by itself. */
export class TransactionPendingError extends TercetError {
  override readonly name: string = 'TransactionPendingError';
  /** What was decided; undefined = nothing yet. */
  readonly decision: DecisionKind | undefined;
  /** The branches whose phase two has not answered OK. */
  readonly branches: readonly BranchView[];

  constructor(init: PendingInit) {
    super('TRANSACTION_PENDING', {
      message: `transaction ${init.gid} is not ${init.waitedFor} yet`,
      details: { gid: init.gid },
    });
    this.decision = init.decision;
    this.branches = init.branches;
  }
}

/** A wait found a parked branch: waiting does not help, an operator has to act. */
export class TransactionStuckError extends TercetError {
  override readonly name: string = 'TransactionStuckError';

  constructor(
    gid: string,
    /** The parked branches. */
    readonly branches: readonly BranchView[],
  ) {
    const ids = branches.map((branch) => branch.branch).join(', ');
    const noun = branches.length === 1 ? 'branch' : 'branches';
    super('TRANSACTION_STUCK', {
      message: `transaction ${gid} needs an operator: parked ${noun} ${ids}`,
      details: { gid },
    });
  }
}

/** What a CoordinatorUnavailableError is made of. */
export interface UnavailableInit {
  readonly message?: string;
  readonly gid?: string;
  readonly decided: boolean | 'unknown';
  readonly cause?: unknown;
}

/**
 * The coordinator gave no usable answer in time. Ask again by gid (`get`, `wait`); do not conclude anything from
 * silence.
 */
export class CoordinatorUnavailableError extends TercetError {
  override readonly name: string = 'CoordinatorUnavailableError';
  /**
   * `'unknown'`: Commit was sent, or another run may have decided. `false`: this run never sent Commit, so the
   * coordinator cancels at the latest a second after the timeout.
   */
  readonly decided: boolean | 'unknown';

  constructor(init: UnavailableInit) {
    super('COORDINATOR_UNAVAILABLE', {
      ...(init.message === undefined ? {} : { message: init.message }),
      ...(init.gid === undefined ? {} : { details: { gid: init.gid } }),
      cause: init.cause,
    });
    this.decided = init.decided;
  }
}

/** A participant's barrier found a contradiction: a bug or a lost barrier row. */
export class BarrierConflictError extends TercetError {
  override readonly name: string = 'BarrierConflictError';

  constructor(message: string, details: Readonly<Record<string, string>> = {}) {
    super('BARRIER_CONFLICT', { message, details });
  }
}

/** What a BarrierError carries besides its text. */
export interface BarrierErrorInit {
  /** Facts for programs: `gid`, `branch_id`, `action`, `phase`. */
  readonly details?: Readonly<Record<string, string>>;
  /** What led to it, mostly the driver's error. */
  readonly cause?: unknown;
}

/**
 * A participant's barrier could not carry a call out, or does not know whether it did: the table is missing, the pool is
 * closed, COMMIT was not answered, a handler broke its local transaction. Never a verdict: the caller repeats the call.
 */
export class BarrierError extends TercetError {
  override readonly name: string = 'BarrierError';

  constructor(message: string, { details = {}, cause }: BarrierErrorInit = {}) {
    super('BARRIER_UNAVAILABLE', { message, details, cause });
  }
}

/** The SDK was told something that cannot be. Thrown before anything is sent; `details.option` names the option. */
export class ConfigError extends TercetError {
  override readonly name: string = 'ConfigError';

  constructor(message: string, details: Readonly<Record<string, string>> = {}) {
    super('CONFIG_INVALID', { message, details });
  }

  /** The SDK's options are not the coordinator's configuration, of which the catalogue speaks. */
  override get hint(): string {
    return 'Mend the option that the message names; see docs/sdk.md.';
  }
}

/** Whether it is an error, also one of another realm: those of Node and of native drivers are, seen from within jest. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** A short text for whatever was thrown: an error's message, else the value itself. Never a stack. */
export function textOfCause(cause: unknown): string {
  // JavaScript lets a message be anything.
  if (isError(cause)) return cause.message === '' ? cause.name : String(cause.message);
  return typeof cause === 'string' ? cause : `a thrown ${typeof cause}`;
}

function labelOf(failure: BranchFailure): string {
  return `Try ${failure.action} (branch ${failure.branch})`;
}

function detailsOf(gid: string, failure: BranchFailure): Readonly<Record<string, string>> {
  return { gid, branch_id: failure.branch, action: failure.action, method: failure.method };
}
