/**
 * One call of an action, from its arrival to the answer: whether it starts, and what its handler is given.
 *
 * P1 A Try starts only before its `notAfter` by this participant's clock, without grace.
 */
import { type ServerUnaryCall, status } from '@grpc/grpc-js';
import { type Clock, TercetError, limits, metadataKeys, toTercetError } from '@tercet/core';
import { textOf } from '@tercet/runtime';
import { deadlineIn } from '../deadline';
import { ConfigError } from '../errors';
import type { Joining } from '../joining';
import type { CallContext } from './call-context';
import { type CallHeaders, readHeaders, readTrace } from './call-headers';
import type { Fence } from './fence';
import {
  type CallAnswer,
  type HandlingDeps,
  type ReceivedCall,
  type Route,
  handleCall,
} from './handle-call';
import { NestedWork } from './nested-work';
import { plainStatus } from './status-of-error';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** What a call needs. */
export interface CallDeps extends HandlingDeps {
  readonly clock: Clock;
  /** undefined = the handlers fence by themselves. */
  readonly fence: Fence | undefined;
  /** What nested work goes through; undefined = there can be none. */
  readonly client: Joining | undefined;
}

type Call = ServerUnaryCall<unknown, unknown>;

/** Answers a call. Rejects only where what a handler threw cannot be looked at. */
export async function answerCall(deps: CallDeps, route: Route, call: Call): Promise<CallAnswer> {
  let headers: CallHeaders;
  try {
    headers = readHeaders(call.metadata, route.phase);
  } catch (error) {
    return refusal(status.INVALID_ARGUMENT, toTercetError(error).message);
  }
  const giveUp = watchCall(call);
  try {
    const { signal } = giveUp;
    const received = receivedCall(deps, route, { call, headers, signal });
    return await answers[route.phase](deps, route, received);
  } finally {
    giveUp.release();
  }
}

const answers = { try: answerTry, confirm: handleCall, cancel: answerCancel } as const;

interface Known {
  readonly call: Call;
  readonly headers: CallHeaders;
  /** Aborted when the caller gives up. */
  readonly signal: AbortSignal;
}

async function answerTry(
  deps: CallDeps,
  route: Route,
  received: ReceivedCall,
): Promise<CallAnswer> {
  const { ctx } = received;
  const late = deps.clock.now() - (ctx.notAfter ?? 0);
  if (late > 0) {
    const text = `this Try had to start ${late} ms ago (${metadataKeys.notAfter}); it was not started`;
    return refusal(status.DEADLINE_EXCEEDED, text);
  }
  const { fence } = deps;
  if (fence === undefined) return handleCall(deps, route, received);
  const key = keyOf(ctx);
  if (!fence.enterTry(key)) {
    return refusal(status.ABORTED, 'this branch was cancelled before; the Try was not started');
  }
  try {
    return await handleCall(deps, route, received);
  } finally {
    fence.leaveTry(key);
  }
}

async function answerCancel(
  deps: CallDeps,
  route: Route,
  received: ReceivedCall,
): Promise<CallAnswer> {
  const { ctx } = received;
  const { fence } = deps;
  if (fence === undefined) return handleCall(deps, route, received);
  if (!(await fence.enterCancel(keyOf(ctx), ctx.notAfter ?? 0))) {
    return refusal(
      status.RESOURCE_EXHAUSTED,
      'too many cancelled branches to remember; call again',
    );
  }
  if (ctx.signal.aborted) {
    return refusal(status.CANCELLED, 'given up while the Try of this branch was still running');
  }
  return handleCall(deps, route, received);
}

/** Aborts when the caller gives up. grpc-js says `cancelled` after every call's end, too: hence `release`. */
function watchCall(call: Call): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const giveUp = (): void => {
    const message = 'the caller gave up or its deadline passed';
    controller.abort(new TercetError('CALL_CANCELLED', { message }));
  };
  if (call.cancelled) giveUp();
  else call.once('cancelled', giveUp);
  return { signal: controller.signal, release: () => void call.off('cancelled', giveUp) };
}

function receivedCall(deps: CallDeps, route: Route, known: Known): ReceivedCall {
  const nested = nestedOf(deps, route, known);
  return { request: known.call.request, ctx: contextOf(route, known, nested), nested };
}

/** Only in Try, and only with a client. Nothing happens until the handler asks for it. */
function nestedOf(deps: CallDeps, route: Route, known: Known): NestedWork | undefined {
  const { client } = deps;
  if (route.phase !== 'try' || client === undefined) return undefined;
  const { call, headers, signal } = known;
  const at = deadlineOf(call);
  const leftMs = at === undefined ? limits.timeoutMsDefault : at - deps.clock.now();
  const deadline = deadlineIn(client.deps.clock, leftMs);
  return new NestedWork(client, { headers, trace: readTrace(call.metadata), deadline, signal });
}

function contextOf(
  route: Route,
  { call, headers, signal }: Known,
  nested: NestedWork | undefined,
): CallContext {
  return {
    ...headers,
    action: route.action,
    phase: route.phase,
    deadline: deadlineOf(call),
    signal,
    traceparent: textOf(call.metadata, metadataKeys.traceparent),
    metadata: call.metadata,
    use: (definition, options) => {
      if (nested === undefined) throw noNestedWork(route);
      return nested.use(definition, options);
    },
    reject: (reason, details) => {
      throw new TccReject(reason, details);
    },
    retry: (options) => {
      throw new TccRetry(options);
    },
    park: (reason) => {
      throw new TccPark(reason);
    },
  };
}

function noNestedWork({ phase, action }: Route): ConfigError {
  const why =
    phase === 'try'
      ? 'it needs a client: addTcc(server, definition, handlers, { tercet }), where tercet was made by createTercet'
      : `only the handler of a Try can add branches, this is ${phase} of ${action}; call run for a transaction of its own`;
  return new ConfigError(`ctx.use: ${why}`, { option: 'tercet' });
}

function deadlineOf(call: Call): number | undefined {
  const deadline = call.getDeadline();
  const at = typeof deadline === 'number' ? deadline : deadline.getTime();
  return Number.isFinite(at) ? at : undefined;
}

function keyOf(ctx: CallContext): string {
  return `${ctx.gid}/${ctx.runId}/${ctx.branchId}`;
}

function refusal(code: status, text: string): CallAnswer {
  return { kind: 'status', status: plainStatus(code, text) };
}
