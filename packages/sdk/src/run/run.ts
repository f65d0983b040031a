/**
 * One run, from the callback's start to the outcome.
 *
 * R1 Commit is sent only after the callback returned and every Try succeeded; otherwise the run rolls back.
 * R2 Rollback leaves at the first failure, once the run's own Tries have ended; it does not wait for the callback.
 * R3 A stopped run settles when the callback has ended or the timeout has passed, whichever is first.
 */
import { type Opening, TercetError } from '@tercet/core';
import { onAbort } from '../abort';
import { type Deadline, deadlineIn } from '../deadline';
import type { RunResult } from '../run-options';
import type { TransactionContext } from '../transaction-context';
import { runInScope } from '../transaction-scope';
import { attach } from './attach';
import { branchIds } from './branch-ids';
import { commit, confirmedAnyway } from './commit';
import { contextOf } from './context';
import { interceptedRun } from './intercepted-run';
import { committed } from './outcome';
import { RegistrationBatch } from './registration-batch';
import { rollback } from './rollback';
import { RunControl, type Stop } from './run-control';
import type { RunDeps, RunEnv } from './run-env';
import { type RunPlan, openingOf } from './run-plan';
import { encodedResult } from './run-result';
import { Tries } from './tries';

/** The user's code. */
export type Work<T> = (tx: TransactionContext) => Promise<T> | T;

type End<T> =
  | { readonly kind: 'resolved'; readonly result: RunResult<T> }
  | { readonly kind: 'rejected'; readonly error: TercetError };

/**
 * What the parts of a run share, in one object that is each part's deps, too: copies with a few fields more for each of
 * them took a tenth of a run's time.
 */
class OpenRun implements RunEnv {
  readonly coordinator: RunDeps['coordinator'];
  readonly caller: RunDeps['caller'];
  readonly interceptors: RunDeps['interceptors'];
  readonly onWarning: RunDeps['onWarning'];
  readonly clock: RunDeps['clock'];
  readonly random: RunDeps['random'];
  readonly scheduler: RunDeps['scheduler'];
  readonly closing: RunDeps['closing'];
  readonly closed: RunDeps['closed'];
  readonly identity: RunPlan;
  readonly control = new RunControl();
  readonly deadline: Deadline;
  readonly callerDeadline: Deadline | undefined;
  readonly nextId = branchIds();
  readonly batch: RegistrationBatch;
  readonly tries: Tries;
  readonly opening = (leftMs: number): Opening => openingOf(this.plan, leftMs);

  constructor(
    deps: RunDeps,
    readonly plan: RunPlan,
  ) {
    this.coordinator = deps.coordinator;
    this.caller = deps.caller;
    this.interceptors = deps.interceptors;
    this.onWarning = deps.onWarning;
    this.clock = deps.clock;
    this.random = deps.random;
    this.scheduler = deps.scheduler;
    this.closing = deps.closing;
    this.closed = deps.closed;
    this.identity = plan;
    const { timeoutMs, callerMs } = plan;
    this.deadline = deadlineIn(deps.clock, timeoutMs);
    this.callerDeadline = callerMs === undefined ? undefined : deadlineIn(deps.clock, callerMs);
    this.batch = new RegistrationBatch(this);
    this.tries = new Tries(this);
  }
}

/** Runs a transaction. Resolves and rejects as `Tercet.run` says. */
export function conductRun<T>(deps: RunDeps, plan: RunPlan, work: Work<T>): Promise<RunResult<T>> {
  return interceptedRun(deps.interceptors, plan, (final) => oneRun(deps, final, work));
}

async function oneRun<T>(deps: RunDeps, plan: RunPlan, work: Work<T>): Promise<RunResult<T>> {
  const env = new OpenRun(deps, plan);
  const watch = watchRun(env);
  try {
    const end = await drive(env, work, watch.over);
    if (end.kind === 'rejected') throw end.error;
    return end.result;
  } finally {
    watch.release();
  }
}

async function drive<T>(env: RunEnv, work: Work<T>, over: Promise<void>): Promise<End<T>> {
  const { control } = env;
  const body = carryOut(env, work);
  const returned = await Promise.race([body, control.stopped]);
  if (returned !== undefined) return decide(env, returned.value);
  const stop = control.stop;
  if (stop === undefined) throw new Error('bug: a run neither stopped nor decides');
  const end = await endStopped<T>(env, stop);
  await Promise.race([body, over]);
  return end;
}

/** Runs the callback and awaits its Tries. Resolves with its value where the run may commit. Never rejects. */
async function carryOut<T>(env: RunEnv, work: Work<T>): Promise<{ readonly value: T } | undefined> {
  const { control, tries } = env;
  if (control.stop !== undefined) return undefined;
  try {
    const { gid, runId, trace } = env.plan;
    const value = await runInScope({ gid, runId, trace }, () => work(contextOf(env)));
    // The last look and the decision are one step: a Try that starts in between would be committed unsent.
    do await tries.ended();
    while (tries.busy);
    return control.decide() ? { value } : undefined;
  } catch (error) {
    control.fail(error);
    return undefined;
  }
}

async function decide<T>(env: RunEnv, value: T): Promise<End<T>> {
  if (env.tries.branches.length === 0) {
    const nothing = { status: 'confirmed' as const, reached: 'settled' as const, pending: [] };
    return { kind: 'resolved', result: committed(env, value, nothing) };
  }
  const result = encodedResult(env.plan, value, env.onWarning);
  let end = await commit(env, result);
  if (end.kind === 'not-sent') {
    const back = await rollback(env, end.cause);
    // An earlier attempt of the Commit that seemed refused may have taken effect after all.
    end = back.kind === 'confirmed' ? await confirmedAnyway(env, back.refusal) : back;
  }
  if (end.kind === 'rejected') return end;
  return { kind: 'resolved', result: committed(env, value, end.decided) };
}

async function endStopped<T>(env: RunEnv, stop: Stop): Promise<End<T>> {
  switch (stop.kind) {
    case 'attached':
      return attach<T>(env, stop.error);
    case 'conflict':
      return { kind: 'rejected', error: stop.error };
    case 'failed': {
      const end = await rollback(env, stop.cause);
      // This run never committed: only a second writer can have confirmed it, so there is no value to give.
      return end.kind === 'confirmed' ? { kind: 'rejected', error: end.refusal } : end;
    }
  }
}

/** Stops the run at its timeout, at its caller's abort and at the client's close. */
function watchRun(env: RunEnv): { readonly over: Promise<void>; release(): void } {
  const { control, plan } = env;
  let passed: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    passed = resolve;
  });
  const timer = env.scheduler.after(plan.timeoutMs, () => {
    control.fail(timedOut(plan));
    passed();
  });
  const releases = [
    onAbort(plan.signal, (reason) => control.fail(aborted('the caller aborted the run', reason))),
    onAbort(env.closing, (reason) => {
      control.fail(aborted('the client was closed', reason));
      passed();
    }),
  ];
  return {
    over,
    release: () => {
      timer.cancel();
      for (const release of releases) release();
    },
  };
}

function timedOut(plan: RunPlan): TercetError {
  return new TercetError('DEADLINE_EXCEEDED', {
    message: `the run’s timeout of ${plan.timeoutMs} ms passed before it decided`,
    details: { gid: plan.gid },
  });
}

function aborted(message: string, cause: unknown): TercetError {
  return new TercetError('CALL_CANCELLED', { message, cause });
}
