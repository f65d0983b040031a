import {
  type Branch,
  type BranchId,
  type DecisionKind,
  type GlobalTransaction,
  findBranch,
  openPhase,
  openSince,
  serviceOf,
  stuckReasonAt,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { InterceptorChain } from './interceptors';
import type { Resident } from './resident';

/** What reporting needs. */
export interface ReportDeps {
  readonly logger: Logger;
  readonly interceptors: InterceptorChain;
  /** Greatest difference of clocks that a first Cancel outwaits. */
  readonly clockSkewMs: number;
}

/** An attempt that has just ended; `tx` is the transaction after it. */
export interface AttemptReport {
  readonly resident: Resident;
  readonly tx: GlobalTransaction;
  readonly branchId: BranchId;
  readonly now: number;
}

/** Logs how an attempt ended; a branch that becomes stuck is told once, until it answers OK. */
export function reportAttempt(deps: ReportDeps, report: AttemptReport): void {
  const { resident, tx, branchId } = report;
  const branch = findBranch(tx, branchId);
  const phase = openPhase(tx);
  if (branch === undefined || phase === undefined) return;
  const { attempts, spec } = branch;
  if (branch.status !== 'registered') {
    resident.reportStuck(branchId, false);
    const fields = { gid: tx.gid, branch: branchId, action: spec.action, phase };
    deps.logger.debug({ ...fields, attempts: attempts.count }, 'branch done');
    return;
  }
  if (!reportIfStuck(deps, report)) {
    deps.logger.debug(fieldsOf(tx, branch, phase), 'attempt failed');
  }
}

/** Tells a branch that is stuck now and was not told before. Answers whether it did. */
export function reportIfStuck(deps: ReportDeps, report: AttemptReport): boolean {
  const { resident, tx, branchId, now } = report;
  const branch = findBranch(tx, branchId);
  const phase = openPhase(tx);
  if (branch === undefined || phase === undefined) return false;
  const reason = stuckReasonAt(branch, openSince(tx, branch, deps.clockSkewMs), now);
  if (reason === undefined || !resident.reportStuck(branchId, true)) return false;
  const { attempts, spec, parked } = branch;
  const next = parked ? 'it is parked until an operator acts' : 'it is retried until it answers';
  // Somebody's books are wrong: a contradiction never mends itself.
  const alert = reason === 'barrier' ? { alert: 'P0' } : undefined;
  const fields = { ...fieldsOf(tx, branch, phase), reason, ...alert };
  deps.logger.warn(fields, `branch is stuck; ${next}`);
  deps.interceptors.stuck({
    gid: tx.gid,
    name: tx.name,
    branchId,
    action: spec.action,
    service: serviceOf(spec.methods[phase]),
    target: spec.target,
    phase,
    reason,
    parked,
    attempts: attempts.count,
    code: attempts.lastFailure?.grpcCode,
    message: attempts.lastFailure?.message,
  });
  return true;
}

/** What the log says of a branch. */
export function fieldsOf(tx: GlobalTransaction, branch: Branch, phase: DecisionKind): object {
  const { attempts, spec } = branch;
  return {
    gid: tx.gid,
    branch: spec.id,
    action: spec.action,
    phase,
    attempts: attempts.count,
    ...attempts.lastFailure,
    service: serviceOf(spec.methods[phase]),
    target: spec.target,
  };
}
