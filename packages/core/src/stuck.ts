import type { Branch } from './branch';
import { type Outcome, grpcCode } from './outcome';
import type { StuckReason } from './stuck-reason';

/** A branch with this many failed attempts is stuck, however young. */
export const STUCK_ATTEMPTS = 5;

/** The reason that fits a failed phase-two call. */
export function reasonOf(outcome: Exclude<Outcome, { kind: 'done' }>): StuckReason {
  if (outcome.kind === 'refused') return 'rejected';
  if (outcome.kind === 'parked') return outcome.conflict ? 'barrier' : 'parked';
  switch (outcome.failure.grpcCode) {
    case grpcCode.UNAVAILABLE:
      return 'unreachable';
    case grpcCode.DEADLINE_EXCEEDED:
      return 'deadline';
    case grpcCode.UNIMPLEMENTED:
      return 'unimplemented';
    case grpcCode.UNAUTHENTICATED:
    case grpcCode.PERMISSION_DENIED:
      return 'auth';
    case grpcCode.INVALID_ARGUMENT:
      return 'rejected';
    default:
      return 'retrying';
  }
}

/** Whether a reason shows at once and slows the retries: time alone rarely mends it. */
export function isImmediate(reason: StuckReason): boolean {
  return reason !== 'retrying' && reason !== 'unreachable' && reason !== 'deadline';
}

/**
 * Why a branch in phase two is stuck at `now`, or undefined. It is stuck when its last failure is of the
 * immediate kind, when it failed STUCK_ATTEMPTS times, or when its phase two is open (`openSince`) for longer than
 * its `stuckAfterMs`.
 */
export function stuckReasonAt(branch: Branch, since: number, now: number): StuckReason | undefined {
  if (branch.status !== 'registered') return undefined;
  const { stuckReason, count } = branch.attempts;
  const reason = stuckReason ?? 'deadline';
  if (stuckReason !== undefined && isImmediate(stuckReason)) return reason;
  const past = count >= STUCK_ATTEMPTS || now - since >= branch.spec.stuckAfterMs;
  return past ? reason : undefined;
}
