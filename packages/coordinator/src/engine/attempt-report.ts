import {
  type BranchId,
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
  const { resident, tx, branchId, now } = report;
  const branch = findBranch(tx, branchId);
  const phase = openPhase(tx);
  if (branch === undefined || phase === undefined) return;
  const { attempts, spec, parked } = branch;
  const { action, target } = spec;
  const fields = { gid: tx.gid, branch: branchId, action, phase, attempts: attempts.count };
  if (branch.status !== 'registered') {
    resident.reportStuck(branchId, false);
    deps.logger.debug(fields, 'branch done');
    return;
  }
  const service = serviceOf(spec.methods[phase]);
  const failure = { ...attempts.lastFailure, service, target };
  const reason = stuckReasonAt(branch, openSince(tx, branch, deps.clockSkewMs), now);
  if (reason === undefined || !resident.reportStuck(branchId, true)) {
    deps.logger.debug({ ...fields, ...failure }, 'attempt failed');
    return;
  }
  const next = parked ? 'it is parked until an operator acts' : 'it is retried until it answers';
  deps.logger.warn({ ...fields, ...failure, reason }, `branch is stuck; ${next}`);
  deps.interceptors.stuck({
    gid: tx.gid,
    name: tx.name,
    branchId,
    action,
    service,
    target,
    phase,
    reason,
    parked,
    attempts: attempts.count,
    code: attempts.lastFailure?.grpcCode,
    message: attempts.lastFailure?.message,
  });
}
