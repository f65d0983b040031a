/** What a run is to do, checked and complete. */
import {
  type Clock,
  type Gid,
  type Opening,
  type Random,
  type RunId,
  TRACESTATE_LENGTH_MAX,
  TercetError,
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
import { type ResultCodec, jsonCodec } from '../result-codec';
import type { ResultOption, RunOptions } from '../run-options';
import { scopeNow } from '../transaction-scope';

/** Default of `phaseTwoWaitMs`. */
const PHASE_TWO_WAIT_MS_DEFAULT = 2_000;
/**
 * What the coordinator waits beyond the run's own timeout. With the same deadline on both sides its timer would often
 * win, and it knows nothing of how the Tries ended: every Cancel without a barrier would then wait until its Try can
 * no longer start. A second is enough for the Rollback of an initiator that lives.
 */
const COORDINATOR_MARGIN_MS = 1_000;

const orders = ['all', 'registration', 'reverse'] as const;
const optionNames = namesOf<RunOptions & ResultOption<unknown>>({
  name: true,
  gid: true,
  timeout: true,
  deadline: true,
  signal: true,
  labels: true,
  phaseTwoWaitMs: true,
  phaseTwoOrder: true,
  result: true,
  traceparent: true,
  tracestate: true,
});

/** What every call of a run carries, nested ones included. */
export interface RunIdentity {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly trace: TraceContext | undefined;
}

type TraceOptions = Pick<RunOptions, 'traceparent' | 'tracestate'>;

/** Options of a run with every default in place. */
export interface RunPlan extends RunIdentity {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** How long the run's own caller waits; undefined = as long as it takes. */
  readonly callerMs: number | undefined;
  readonly phaseTwoWaitMs: number;
  readonly phaseTwoOrder: (typeof orders)[number];
  /** For values of the run's own type. */
  readonly codec: ResultCodec<unknown>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks the options. Throws ConfigError, INVALID_ARGUMENT for a malformed gid, DEADLINE_EXCEEDED where the caller's
 * deadline has passed.
 */
export function planRun(
  options: RunOptions & ResultOption<unknown>,
  ports: { clock: Clock; random: Random },
): RunPlan {
  refuseUnknown('run', options, optionNames);
  const { name, gid, labels = {}, signal } = options;
  if (typeof name !== 'string' || !isVisibleAscii(name, limits.nameLengthMax)) {
    throw new ConfigError(
      `name must be 1 to ${limits.nameLengthMax} visible ASCII characters, got ${JSON.stringify(name)}`,
      { option: 'name' },
    );
  }
  // What runs inside a served call is not worth more time than that call has.
  const deadline = options.deadline ?? scopeNow()?.deadline;
  const callerMs = callerMsOf(deadline, ports.clock);
  const timeoutMs = millisecondsOf('timeout', options.timeout ?? limits.timeoutMsDefault, {
    min: 1,
    max: limits.timeoutMsMax,
  });
  return {
    gid: gid === undefined ? newGid(ports.clock, ports.random) : parseGid(gid),
    runId: newRunId(ports.random),
    name,
    labels: { ...labels },
    trace: traceOf(options),
    timeoutMs: Math.min(timeoutMs, callerMs ?? timeoutMs),
    callerMs,
    phaseTwoWaitMs: millisecondsOf(
      'phaseTwoWaitMs',
      options.phaseTwoWaitMs ?? PHASE_TWO_WAIT_MS_DEFAULT,
      { min: 0, max: limits.waitMsMax },
    ),
    phaseTwoOrder: orderOf(options.phaseTwoOrder ?? 'all'),
    codec: options.result === undefined ? jsonCodec : codecOf(options.result),
    signal,
  };
}

/** How the plan's transaction is opened with `leftMs` of the run left. */
export function openingOf(plan: RunPlan, leftMs: number): Opening {
  return {
    name: plan.name,
    timeoutMs: Math.min(leftMs + COORDINATOR_MARGIN_MS, limits.timeoutMsMax),
    policy: { onTimeout: 'cancel', phaseTwoOrder: plan.phaseTwoOrder },
    labels: plan.labels,
    trace: plan.trace,
  };
}

/** The plan with a trace context, unless it has one already. Throws ConfigError where that is malformed. */
export function withTrace(plan: RunPlan, added: TraceOptions): RunPlan {
  return plan.trace === undefined ? { ...plan, trace: traceOf(added) } : plan;
}

function callerMsOf(deadline: Date | number | undefined, clock: Clock): number | undefined {
  if (deadline === undefined) return undefined;
  // Callers in plain JavaScript pass anything.
  const at: unknown = deadline instanceof Date ? deadline.getTime() : deadline;
  if (typeof at !== 'number' || Number.isNaN(at)) {
    throw new ConfigError(
      'deadline must be a Date or Unix milliseconds, such as call.getDeadline() of grpc-js',
      { option: 'deadline' },
    );
  }
  if (at === Number.POSITIVE_INFINITY) return undefined;
  const leftMs = Math.floor(at - clock.now());
  if (leftMs > 0) return leftMs;
  throw new TercetError('DEADLINE_EXCEEDED', {
    message: `the caller’s deadline passed ${-leftMs} ms before the run began; nothing was sent`,
  });
}

function orderOf(order: RunPlan['phaseTwoOrder']): RunPlan['phaseTwoOrder'] {
  if (orders.includes(order)) return order;
  throw new ConfigError(
    `phaseTwoOrder must be one of ${orders.join(', ')}, got ${JSON.stringify(order)}`,
    { option: 'phaseTwoOrder' },
  );
}

function codecOf(codec: ResultCodec<unknown>): ResultCodec<unknown> {
  // Callers in plain JavaScript pass anything.
  const given = codec as Partial<ResultCodec<unknown>> | null;
  if (typeof given?.encode === 'function' && typeof given.decode === 'function') return codec;
  throw new ConfigError('result must be a codec: { encode(value), decode(bytes) }', {
    option: 'result',
  });
}

/** A tracestate that is too long is dropped, as the W3C allows: a trace must not fail the work. */
function traceOf({ traceparent, tracestate = '' }: TraceOptions): TraceContext | undefined {
  if (traceparent === undefined) return undefined;
  const kept = tracestate.length > TRACESTATE_LENGTH_MAX ? '' : tracestate;
  const trace = { traceparent, tracestate: kept };
  const problem = traceProblem(trace);
  if (problem === undefined) return trace;
  throw new ConfigError(`${problem.field}: ${problem.message}`, { option: problem.field });
}
