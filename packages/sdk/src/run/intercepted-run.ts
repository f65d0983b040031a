/** A run within its client's interceptors. */
import { type TercetInterceptor, type RunAdditions, type RunInfo } from '../interceptors';
import { namesOf, refuseUnknown } from '../known-options';
import type { RunResult } from '../run-options';
import { type Link, startChain } from './interceptor-chain';
import { type RunPlan, withTrace } from './run-plan';

const additionNames = namesOf<RunAdditions>({ traceparent: true, tracestate: true });

type Links = readonly Link<RunPlan, RunAdditions, RunResult<unknown>>[];

/** Runs `work` within the `run` hooks. Settles as `TercetInterceptor.run` says, never before the run has ended. */
export function interceptedRun<T>(
  interceptors: readonly TercetInterceptor[],
  plan: RunPlan,
  work: (plan: RunPlan) => Promise<RunResult<T>>,
): Promise<RunResult<T>> {
  const links = interceptors.flatMap(linkOf);
  return links.length === 0 ? work(plan) : within(links, plan, work);
}

async function within<T>(
  links: Links,
  plan: RunPlan,
  work: (plan: RunPlan) => Promise<RunResult<T>>,
): Promise<RunResult<T>> {
  let running: Promise<RunResult<T>> | undefined;
  const chain = startChain<RunPlan, RunAdditions, RunResult<unknown>>({
    hook: 'run',
    links,
    input: plan,
    merge: (given, additions) => {
      refuseUnknown('next of a run interceptor', additions, additionNames);
      return withTrace(given, additions);
    },
    work: (final) => {
      running = work(final);
      return running;
    },
  });
  try {
    await chain.ended;
  } finally {
    // An interceptor that threw has not ended the transaction.
    await Promise.allSettled([running]);
  }
  if (running === undefined) throw new Error('bug: a chain ended well, and the run never started');
  return running;
}

function linkOf(interceptor: TercetInterceptor): Links {
  if (interceptor.run === undefined) return [];
  return [(plan, next) => Promise.resolve(interceptor.run?.(infoOf(plan), next))];
}

function infoOf(plan: RunPlan): RunInfo {
  return {
    name: plan.name,
    gid: plan.gid,
    runId: plan.runId,
    timeoutMs: plan.timeoutMs,
    phaseTwoWaitMs: plan.phaseTwoWaitMs,
    phaseTwoOrder: plan.phaseTwoOrder,
    labels: plan.labels,
    traceparent: plan.trace?.traceparent,
    tracestate: plan.trace?.tracestate === '' ? undefined : plan.trace?.tracestate,
  };
}
