/** The coordinator's transactions as the SDK shows them. */
import {
  type Branch,
  type GlobalTransaction,
  dueAt,
  factReached,
  openSince,
  pendingBranches,
  serviceOf,
  stuckReasonAt,
  waitsFor,
} from '@tercet/core';
import type { BranchView, DecisionReply, TransactionView } from '@tercet/sdk';

/** What is relative in a view is relative to this. */
export interface Moment {
  /** Unix ms. */
  readonly now: number;
  readonly clockSkewMs: number;
}

/** A transaction. */
export function transactionView(tx: GlobalTransaction, at: Moment): TransactionView {
  return {
    gid: tx.gid,
    runId: tx.runId,
    name: tx.name,
    status: tx.status,
    reached: factReached(tx),
    labels: tx.labels,
    trace: tx.trace,
    openedAt: tx.openedAt,
    deadlineAt: tx.deadlineAt,
    decidedAt: tx.decidedAt,
    finishedAt: tx.finishedAt,
    cause: tx.cause?.kind,
    reason: tx.cause?.kind === 'rollback' ? tx.cause.reason : '',
    branches: tx.branches.map((branch) => branchView(tx, branch, at)),
  };
}

/** What a decision is answered with. */
export function decisionReply(tx: GlobalTransaction, at: Moment): DecisionReply {
  return {
    status: tx.status,
    reached: factReached(tx),
    pending: pendingBranches(tx).map((branch) => branchView(tx, branch, at)),
  };
}

function branchView(tx: GlobalTransaction, branch: Branch, at: Moment): BranchView {
  const { spec, attempts } = branch;
  return {
    branch: spec.id,
    action: spec.action,
    service: serviceOf(spec.methods.forward),
    target: spec.target,
    methods: spec.methods,
    mode: spec.mode,
    driver: spec.driver,
    dialect: spec.dialect,
    phaseOne: branch.phaseOne,
    status: branch.status,
    notAfter: branch.notAfter,
    attempts: attempts.count,
    firstAt: attempts.firstAt,
    lastAt: attempts.lastAt,
    nextAt: dueAt(tx, branch, at.clockSkewMs),
    lastFailure: attempts.lastFailure,
    stuckReason: stuckReasonAt(branch, openSince(tx, branch, at.clockSkewMs), at.now),
    parked: branch.parked,
    verdict: branch.verdict,
    waitsFor: waitingFor(tx, branch),
  };
}

function waitingFor(tx: GlobalTransaction, branch: Branch): BranchView['waitsFor'] {
  if (tx.decidedAt === undefined || branch.status !== 'registered') return undefined;
  return waitsFor(tx, branch)?.spec.id;
}
