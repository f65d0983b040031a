/** Waits for the run that owns the gid, and gives its outcome. */
import { type TercetError, decisionOf, holds } from '@tercet/core';
import { type Seen, type WaitEnd, waitForFact } from '../coordinator/wait-for-fact';
import { type Deadline, deadlineIn } from '../deadline';
import {
  type AttachedError,
  CoordinatorUnavailableError,
  TransactionCancelledError,
  TransactionPendingError,
} from '../errors';
import type { AttachedResult } from '../run-options';
import { branchResults, decidedOf, phaseTwoFailure } from './outcome';
import { type RunEnv, phaseTwoWaitMs } from './run-env';
import { decodedResult, warnOfTombstone } from './run-result';

/** How an attached run ended. */
export type AttachEnd<T> =
  | { readonly kind: 'resolved'; readonly result: AttachedResult<T> }
  | { readonly kind: 'rejected'; readonly error: TercetError };

/** Waits for the decision at most as long as the run has time, then for phase two as every run does. Never rejects. */
export async function attach<T>(env: RunEnv, attached: AttachedError): Promise<AttachEnd<T>> {
  const decision = await wait(env, 'decided', env.deadline);
  switch (decision.kind) {
    case 'refused':
      return { kind: 'rejected', error: decision.error };
    case 'lost':
      return { kind: 'rejected', error: unknown(env, decision.error) };
    case 'holds':
    case 'parked':
    case 'pending':
      return decided(env, attached, decision);
  }
}

async function decided<T>(
  env: RunEnv,
  attached: AttachedError,
  first: Seen,
): Promise<AttachEnd<T>> {
  const { gid } = env.plan;
  if (decisionOf(first.view.status) === undefined) {
    const init = { gid, waitedFor: 'decided' as const, decision: undefined };
    const error = new TransactionPendingError({ ...init, branches: decidedOf(first.view).pending });
    return { kind: 'rejected', error };
  }
  if (holds(first.view.reached, 'executed')) return ended(env, attached, first);
  const end = await wait(env, 'executed', deadlineIn(env.clock, Math.max(1, phaseTwoWaitMs(env))));
  // The decision is known; that the rest is not answered in time changes nothing about it.
  return ended(env, attached, end.kind === 'refused' || end.kind === 'lost' ? first : end);
}

function ended<T>(env: RunEnv, attached: AttachedError, { view, result }: Seen): AttachEnd<T> {
  const { gid, runId } = view;
  const executed = holds(view.reached, 'executed');
  if (decisionOf(view.status) === 'confirm') {
    const status = executed ? ('confirmed' as const) : ('confirming' as const);
    const branches = branchResults(view);
    // The same gid and name are the same work: its value has the type of this run's.
    const value = decodedResult(env.plan, result, env.onWarning) as T | undefined;
    if (view.tombstone?.resultDigest !== undefined) warnOfTombstone(env.plan, env.onWarning);
    return { kind: 'resolved', result: { attached: true, gid, runId, value, status, branches } };
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
  const signals = [signal, env.closing];
  return waitForFact(env, { gid, fact, withResult: true, deadline, signals });
}

function unknown(env: RunEnv, answer: TercetError): TercetError {
  return new CoordinatorUnavailableError({
    message: `another run owns transaction ${env.plan.gid}, and its outcome was not learnt: ${answer.message}`,
    gid: env.plan.gid,
    decided: 'unknown',
    cause: answer,
  });
}
