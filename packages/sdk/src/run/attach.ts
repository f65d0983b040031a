/** Waits for the run that owns the gid, and gives its outcome. */
import { type TercetError, decisionOf, holds } from '@tercet/core';
import { type WaitEnd, waitForFact } from '../coordinator/wait-for-fact';
import { type Deadline, deadlineIn } from '../deadline';
import {
  type AttachedError,
  CoordinatorUnavailableError,
  TransactionCancelledError,
  TransactionPendingError,
} from '../errors';
import type { AttachedResult } from '../run-options';
import type { TransactionView } from '../transaction-view';
import { branchResults, decidedOf, phaseTwoFailure } from './outcome';
import type { RunEnv } from './run-env';

/** How an attached run ended. */
export type AttachEnd =
  | { readonly kind: 'resolved'; readonly result: AttachedResult }
  | { readonly kind: 'rejected'; readonly error: TercetError };

/** Waits for the decision at most as long as the run has time, then for phase two as every run does. Never rejects. */
export async function attach(env: RunEnv, attached: AttachedError): Promise<AttachEnd> {
  const decision = await wait(env, 'decided', env.deadline);
  switch (decision.kind) {
    case 'refused':
      return { kind: 'rejected', error: decision.error };
    case 'lost':
      return { kind: 'rejected', error: unknown(env, decision.error) };
    case 'holds':
    case 'parked':
    case 'pending':
      return decided(env, attached, decision.view);
  }
}

async function decided(
  env: RunEnv,
  attached: AttachedError,
  first: TransactionView,
): Promise<AttachEnd> {
  const { gid, phaseTwoWaitMs } = env.plan;
  if (decisionOf(first.status) === undefined) {
    const init = { gid, waitedFor: 'decided' as const, decision: undefined };
    const error = new TransactionPendingError({ ...init, branches: decidedOf(first).pending });
    return { kind: 'rejected', error };
  }
  if (holds(first.reached, 'executed')) return ended(first, attached);
  const end = await wait(env, 'executed', deadlineIn(env.clock, Math.max(1, phaseTwoWaitMs)));
  // The decision is known; that the rest is not answered in time changes nothing about it.
  return ended(end.kind === 'refused' || end.kind === 'lost' ? first : end.view, attached);
}

function ended(view: TransactionView, attached: AttachedError): AttachEnd {
  const { gid, runId } = view;
  const executed = holds(view.reached, 'executed');
  if (decisionOf(view.status) === 'confirm') {
    const status = executed ? ('confirmed' as const) : ('confirming' as const);
    const branches = branchResults(view);
    return {
      kind: 'resolved',
      result: { attached: true, gid, runId, value: undefined, status, branches },
    };
  }
  const error = new TransactionCancelledError({
    gid,
    runId,
    status: executed ? 'cancelled' : 'cancelling',
    branches: view.branches.flatMap((branch) => phaseTwoFailure(branch, 'cancel') ?? []),
    cause: attached,
  });
  return { kind: 'rejected', error };
}

function wait(env: RunEnv, fact: 'decided' | 'executed', deadline: Deadline): Promise<WaitEnd> {
  const { gid, signal } = env.plan;
  return waitForFact(env, { gid, fact, deadline, signals: [signal, env.closing] });
}

function unknown(env: RunEnv, answer: TercetError): TercetError {
  return new CoordinatorUnavailableError({
    message: `another run owns transaction ${env.plan.gid}, and its outcome was not learnt: ${answer.message}`,
    gid: env.plan.gid,
    decided: 'unknown',
    cause: answer,
  });
}
