import type { Branch, BranchSpec } from './branch';
import { type Outcome, grpcCode } from './outcome';
import type { StuckReason } from './stuck-reason';

/** A call that did not end with OK. */
type FailedOutcome = Exclude<Outcome, { kind: 'done' }>;

/** The reason that fits a failed phase-two call. */
export function reasonOf(outcome: FailedOutcome): StuckReason {
  if (outcome.kind === 'refused') return 'rejected';
  if (outcome.kind === 'again') return 'retrying';
  if (outcome.kind === 'parked') return outcome.conflict ? 'barrier' : 'parked';
  return reasonOfCode(outcome.failure.grpcCode);
}

/** The reason that fits a gRPC status code without a verdict. */
export function reasonOfCode(code: number): StuckReason {
  switch (code) {
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
 * Whether a failed phase-two call stops the automatic ones. Only the participant's own word does: an explicit
 * reject, a wish for an operator, a contradiction at its barrier. What a proxy makes of a deploy (an unknown method,
 * wrong credentials) passes by itself, so it parks only where the definition says so.
 */
export function parks(spec: BranchSpec, outcome: FailedOutcome): boolean {
  if (outcome.kind === 'refused' || outcome.kind === 'parked') return true;
  return spec.parkPermanentErrors && isImmediate(reasonOf(outcome));
}

/**
 * Why a branch in phase two is stuck at `now`, or undefined. It is stuck when it is parked, when its last failure is
 * of the immediate kind, when it failed as often as its definition allows, or when its phase two is open
 * (`openSince`) for longer than its `stuckAfterMs`. One that waits for another branch (`since` undefined) is not.
 */
export function stuckReasonAt(
  branch: Branch,
  since: number | undefined,
  now: number,
): StuckReason | undefined {
  if (branch.status !== 'registered') return undefined;
  const { stuckReason, count } = branch.attempts;
  if (branch.parked) return stuckReason ?? 'parked';
  if (since === undefined) return undefined;
  const reason = stuckReason ?? 'deadline';
  if (stuckReason !== undefined && isImmediate(stuckReason)) return reason;
  const past = count >= branch.spec.stuckAttempts || now - since >= branch.spec.stuckAfterMs;
  return past ? reason : undefined;
}
