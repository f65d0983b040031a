/** What a run is to do, checked and complete. */
import {
  type Clock,
  type Gid,
  type Opening,
  type Random,
  type RunId,
  type TraceContext,
  isVisibleAscii,
  limits,
  newGid,
  newRunId,
  parseGid,
} from '@tercet/core';
import { millisecondsOf } from '../duration';
import { ConfigError } from '../errors';
import type { RunOptions } from '../run-options';

/** Default of `phaseTwoWaitMs`. */
const PHASE_TWO_WAIT_MS_DEFAULT = 2_000;
const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

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

/** How the plan's transaction is opened with `timeoutMs` left. */
export function openingOf(plan: RunPlan, timeoutMs: number): Opening {
  return {
    name: plan.name,
    timeoutMs: Math.max(1, timeoutMs),
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: plan.labels,
    trace: plan.trace,
  };
}

function traceOf({ traceparent, tracestate = '' }: RunOptions): TraceContext | undefined {
  if (traceparent === undefined) return undefined;
  if (traceparentPattern.test(traceparent) && /^[ -~]*$/.test(tracestate)) {
    return { traceparent, tracestate };
  }
  throw new ConfigError(
    `traceparent and tracestate must be a W3C trace context, got ${JSON.stringify(traceparent)}`,
    { option: 'traceparent' },
  );
}
