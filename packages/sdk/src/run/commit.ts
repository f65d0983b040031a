/**
 * Commits a run.
 *
 * M1 After Commit was sent, Rollback is sent only when the coordinator itself refused it while nothing was decided.
 * M2 Without an answer the decision is unknown, whatever the caller's signal and timeout say.
 * M3 Commit lists the branches of the moment at which the run decided, those nested under them included, and only
 *    where every Try is known to be done.
 * M4 What another run made of the gid says nothing about this one.
 */
import { TercetError, decisionOf } from '@tercet/core';
import type { DecisionReply } from '../coordinator/coordinator-transport';
import { repeat } from '../coordinator/repeat';
import { waitForFact } from '../coordinator/wait-for-fact';
import { type Deadline, deadlineIn } from '../deadline';
import { CoordinatorUnavailableError } from '../errors';
import type { TransactionView } from '../transaction-view';
import { type Decided, cancelled, decidedOf } from './outcome';
import { statusOf } from './rollback';
import { DECISION_MS_MIN, type RunEnv, phaseTwoWaitMs } from './run-env';
import type { TryRecord } from './try-attempts';

/** How a commit ended. */
export type CommitEnd =
  | { readonly kind: 'committed'; readonly decided: Decided }
  | { readonly kind: 'rejected'; readonly error: TercetError }
  /** It did not leave, or was definitely refused while nothing was decided. */
  | { readonly kind: 'not-sent'; readonly cause: TercetError };

/** Commits; `result` is for runs that attach. The run must have decided. Never rejects. */
export async function commit(env: RunEnv, result: Uint8Array | undefined): Promise<CommitEnd> {
  const { plan } = env;
  const undone = env.tries.branches.find(({ outcome }) => outcome !== 'done');
  if (undone !== undefined) return { kind: 'not-sent', cause: notDone(undone) };
  const branchIds = env.tries.succeeded();
  const left = Math.max(env.deadline.leftMs(), DECISION_MS_MIN);
  const waitMs = phaseTwoWaitMs(env);
  const deadline = deadlineIn(env.clock, left);
  const { answer, attempts } = await repeat<DecisionReply>(env, {
    deadline,
    waitMs,
    signals: [plan.signal, env.closing],
    again: () => true,
    attempt: (bounds) =>
      env.coordinator.commit(
        {
          gid: plan.gid,
          runId: plan.runId,
          branchIds,
          result,
          waitFor: 'executed',
          waitMs,
        },
        bounds,
      ),
  });
  switch (answer.kind) {
    case 'ok':
      return { kind: 'committed', decided: answer.reply };
    case 'lost':
      // Given up before the first attempt left: nobody can have committed.
      if (attempts === 0) return { kind: 'not-sent', cause: answer.error };
      return unknown(env, answer.error);
    case 'refused':
      return refused(env, answer.error, { onlyAttempt: attempts === 1, deadline });
  }
}

async function refused(
  env: RunEnv,
  refusal: TercetError,
  how: { readonly onlyAttempt: boolean; readonly deadline: Deadline },
): Promise<CommitEnd> {
  // The gid is gone, or opened anew by another run: what became of this one is no longer known.
  if (refusal.code === 'TRANSACTION_NOT_FOUND' || refusal.code === 'WRONG_RUN') {
    return unknown(env, refusal);
  }
  const told =
    refusal.code === 'WRONG_STATUS' ? (statusOf(refusal) ?? 'cancelling') : statusOf(refusal);
  const status = told ?? (how.onlyAttempt ? 'trying' : await presentStatus(env, how.deadline));
  if (status === undefined) return unknown(env, refusal);
  switch (decisionOf(status)) {
    case undefined:
      return { kind: 'not-sent', cause: refusal };
    case 'cancel':
      return cancelledByOthers(env, refusal, status);
    case 'confirm':
      return confirmedAnyway(env, refusal);
  }
}

/** The status, asked for: an earlier attempt that was lost may have decided. */
async function presentStatus(
  env: RunEnv,
  deadline: Deadline,
): Promise<Decided['status'] | undefined> {
  const { answer } = await repeat(env, {
    deadline,
    waitMs: 0,
    signals: [env.plan.signal, env.closing],
    again: () => true,
    attempt: (bounds) =>
      env.coordinator.getTransaction({ gid: env.plan.gid, withResult: false }, bounds),
  });
  if (answer.kind !== 'ok') return undefined;
  const { transaction } = answer.reply;
  return isOwn(env, transaction) ? transaction.status : undefined;
}

/** The coordinator's timeout or an operator was first. */
async function cancelledByOthers(
  env: RunEnv,
  refusal: TercetError,
  status: Decided['status'],
): Promise<CommitEnd> {
  const end = await executedWait(env);
  const view = end.kind === 'refused' || end.kind === 'lost' ? undefined : end.view;
  if (view !== undefined && !isOwn(env, view)) return unknown(env, refusal);
  const reached = status === 'cancelled' ? ('settled' as const) : ('decided' as const);
  const decided = view === undefined ? { status, reached, pending: [] } : decidedOf(view);
  const cause =
    view?.cause === 'timeout'
      ? new TercetError('DEADLINE_EXCEEDED', {
          message: 'the coordinator rolled the transaction back at its deadline',
          details: { gid: env.plan.gid },
          cause: refusal,
        })
      : refusal;
  return { kind: 'rejected', error: cancelled(env, cause, decided) };
}

/** It is confirmed though this answer refused: an earlier attempt took effect. Never rejects. */
export async function confirmedAnyway(
  env: RunEnv,
  refusal: TercetError,
): Promise<Exclude<CommitEnd, { kind: 'not-sent' }>> {
  const end = await executedWait(env);
  if (end.kind === 'refused' || end.kind === 'lost') return unknown(env, refusal);
  if (!isOwn(env, end.view)) return unknown(env, refusal);
  return { kind: 'committed', decided: decidedOf(end.view) };
}

function executedWait(env: RunEnv): ReturnType<typeof waitForFact> {
  return waitForFact(env, {
    gid: env.plan.gid,
    fact: 'executed',
    deadline: deadlineIn(env.clock, Math.max(1, phaseTwoWaitMs(env))),
    signals: [env.plan.signal, env.closing],
  });
}

/** A gid that was forgotten may be opened again by somebody else. */
function isOwn(env: RunEnv, view: TransactionView): boolean {
  return view.runId === env.plan.runId;
}

function notDone({ spec, outcome }: TryRecord): TercetError {
  return new TercetError('TRY_UNKNOWN', {
    message: `Commit was not sent: Try ${spec.action} (branch ${spec.id}) is ${outcome}`,
    details: { branch_id: spec.id, action: spec.action },
  });
}

function unknown(env: RunEnv, answer: TercetError): Extract<CommitEnd, { kind: 'rejected' }> {
  const error = new CoordinatorUnavailableError({
    message: `nobody knows whether transaction ${env.plan.gid} was committed: ${answer.message}`,
    gid: env.plan.gid,
    decided: 'unknown',
    cause: answer,
  });
  return { kind: 'rejected', error };
}
