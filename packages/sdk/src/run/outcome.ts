/** What is known of the decision → what `run` ends with. */
import { type BranchFailure, type Fact, type GlobalStatus, holds, serviceOf } from '@tercet/core';
import { TransactionCancelledError } from '../errors';
import type { BranchResult, OwnResult } from '../run-options';
import type { BranchView, TransactionView } from '../transaction-view';
import type { RunEnv } from './run-env';

/** The part of a decision's answer that counts. */
export interface Decided {
  readonly status: GlobalStatus;
  readonly reached: Fact | undefined;
  /** The branches that have not answered OK. */
  readonly pending: readonly BranchView[];
}

/**
 * A committed run. Of a nested branch only the id is known until the coordinator shows it as pending: those are listed
 * after the run's own. From executed on it counts as confirmed, though the completion is not durable yet. */
export function committed<T>(env: RunEnv, value: T, decided: Decided): OwnResult<T> {
  const executed = holds(decided.reached, 'executed');
  const pending = new Map(decided.pending.map((branch) => [branch.branch, branch]));
  const branches = env.tries.branches.map(({ spec }): BranchResult => {
    const view = executed ? undefined : pending.get(spec.id);
    return {
      branch: spec.id,
      action: spec.action,
      service: serviceOf(spec.methods.forward),
      target: spec.target,
      status: view === undefined ? 'confirmed' : 'pending',
      failure: view === undefined ? undefined : phaseTwoFailure(view, 'confirm'),
    };
  });
  const own = new Set<string>(branches.map(({ branch }) => branch));
  const nested = executed ? [] : decided.pending.filter(({ branch }) => !own.has(branch));
  const { gid, runId } = env.plan;
  return {
    attached: false,
    gid,
    runId,
    value,
    status: executed ? 'confirmed' : 'confirming',
    branches: [...branches, ...nested.map(branchResult)],
  };
}

/** A cancelled run. `decided` is undefined where the coordinator never knew the transaction. */
export function cancelled(
  env: RunEnv,
  cause: unknown,
  decided: Decided | undefined,
): TransactionCancelledError {
  const executed = decided === undefined || holds(decided.reached, 'executed');
  const pending = executed ? [] : decided.pending;
  return new TransactionCancelledError({
    gid: env.plan.gid,
    runId: env.plan.runId,
    status: executed ? 'cancelled' : 'cancelling',
    branches: [
      ...env.tries.failures(),
      ...pending.flatMap((branch) => phaseTwoFailure(branch, 'cancel') ?? []),
    ],
    cause,
  });
}

/** The same facts out of a whole transaction. */
export function decidedOf(view: TransactionView): Decided {
  const pending = view.branches.filter((branch) => branch.status === 'registered');
  return { status: view.status, reached: view.reached, pending };
}

/** The branches of a transaction as a result shows them. */
export function branchResults(view: TransactionView): readonly BranchResult[] {
  return view.branches.map(branchResult);
}

function branchResult(branch: BranchView): BranchResult {
  return {
    branch: branch.branch,
    action: branch.action,
    service: branch.service,
    target: branch.target,
    status: branch.status === 'registered' ? 'pending' : 'confirmed',
    failure: phaseTwoFailure(branch, 'confirm'),
  };
}

/** The last failure of a pending branch, or undefined where none failed. */
export function phaseTwoFailure(
  view: BranchView,
  phase: 'confirm' | 'cancel',
): BranchFailure | undefined {
  if (view.lastFailure === undefined || view.status !== 'registered') return undefined;
  return {
    branch: view.branch,
    action: view.action,
    service: view.service,
    method: view.methods[phase],
    phase,
    grpcCode: view.lastFailure.grpcCode,
    message: view.lastFailure.message,
    details: undefined,
    attempts: view.attempts,
    firstAt: view.firstAt,
    lastAt: view.lastAt,
    nextAt: view.nextAt,
    peer: view.lastFailure.peer,
  };
}
