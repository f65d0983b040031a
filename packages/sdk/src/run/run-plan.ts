/** What a run is to do, checked and complete. */
import {
  type Clock,
  type Gid,
  type Opening,
  type Random,
  type RunId,
  TRACESTATE_LENGTH_MAX,
  type TraceContext,
  isVisibleAscii,
  limits,
  newGid,
  newRunId,
  parseGid,
  traceProblem,
} from '@tercet/core';
import { millisecondsOf } from '../duration';
import { ConfigError } from '../errors';
import { namesOf, refuseUnknown } from '../known-options';
import type { RunOptions } from '../run-options';

/** Default of `phaseTwoWaitMs`. */
const PHASE_TWO_WAIT_MS_DEFAULT = 2_000;
/**
 * What the coordinator waits beyond the run's own timeout. With the same deadline on both sides its timer would often
 * win, and it knows nothing of how the Tries ended: every Cancel without a barrier would then wait until its Try can
 * no longer start. A second is enough for the Rollback of an initiator that lives.
 */
const COORDINATOR_MARGIN_MS = 1_000;

const optionNames = namesOf<RunOptions>({
  name: true,
  gid: true,
  timeout: true,
  signal: true,
  labels: true,
  phaseTwoWaitMs: true,
  traceparent: true,
  tracestate: true,
});

/** Options of a run with every default in place. */
export interface RunPlan {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly trace: TraceContext | undefined;
  readonly timeoutMs: number;
  readonly phaseTwoWaitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Checks the options. Throws ConfigError, or INVALID_ARGUMENT for a malformed gid. */
export function planRun(options: RunOptions, ports: { clock: Clock; random: Random }): RunPlan {
  refuseUnknown('run', options, optionNames);
  const { name, gid, labels = {}, signal } = options;
  if (typeof name !== 'string' || !isVisibleAscii(name, limits.nameLengthMax)) {
    throw new ConfigError(
      `name must be 1 to ${limits.nameLengthMax} visible ASCII characters, got ${JSON.stringify(name)}`,
      { option: 'name' },
    );
  }
  return {
    gid: gid === undefined ? newGid(ports.clock, ports.random) : parseGid(gid),
    runId: newRunId(ports.random),
    name,
    labels: { ...labels },
    trace: traceOf(options),
    timeoutMs: millisecondsOf('timeout', options.timeout ?? limits.timeoutMsDefault, {
      min: 1,
      max: limits.timeoutMsMax,
    }),
    phaseTwoWaitMs: millisecondsOf(
      'phaseTwoWaitMs',
      options.phaseTwoWaitMs ?? PHASE_TWO_WAIT_MS_DEFAULT,
      { min: 0, max: limits.waitMsMax },
    ),
    signal,
  };
}

/** How the plan's transaction is opened with `leftMs` of the run left. */
export function openingOf(plan: RunPlan, leftMs: number): Opening {
  return {
    name: plan.name,
    timeoutMs: Math.min(leftMs + COORDINATOR_MARGIN_MS, limits.timeoutMsMax),
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: plan.labels,
    trace: plan.trace,
  };
}

/** A tracestate that is too long is dropped, as the W3C allows: a trace must not fail the work. */
function traceOf({ traceparent, tracestate = '' }: RunOptions): TraceContext | undefined {
  if (traceparent === undefined) return undefined;
  const kept = tracestate.length > TRACESTATE_LENGTH_MAX ? '' : tracestate;
  const trace = { traceparent, tracestate: kept };
  const problem = traceProblem(trace);
  if (problem === undefined) return trace;
  throw new ConfigError(`${problem.field}: ${problem.message}`, { option: problem.field });
}
