/**
 * One call of an action, from gRPC's callback to the handler and back.
 *
 * P1 A Try starts only before its `notAfter` by this participant's clock, without grace.
 * P2 What the handler does decides the answer; an answer leaves after the handler has ended.
 */
import { type ServerUnaryCall, type StatusObject, status } from '@grpc/grpc-js';
import { type Clock, TercetError, metadataKeys, toTercetError } from '@tercet/core';
import { textOf } from '@tercet/runtime';
import type { MethodLike } from '../service-definition';
import type { CallContext } from './call-context';
import { type CallHeaders, readHeaders } from './call-headers';
import type { Fence } from './fence';
import type { AddTccOptions } from './handlers';
import { isVerdict, plainStatus, statusOfError } from './status-of-error';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** A handler as it is called; its types were checked at `addTcc`. */
export type PhaseHandler = (request: unknown, ctx: CallContext) => unknown;

/** Which handler a method has. */
export interface Route {
  readonly action: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  readonly method: MethodLike;
  readonly handler: PhaseHandler;
}

/** What a call needs. */
export interface CallDeps {
  readonly clock: Clock;
  /** undefined = the handlers fence by themselves. */
  readonly fence: Fence | undefined;
  readonly onError: AddTccOptions['onError'];
}

/** How a call is answered. */
export type CallAnswer =
  | { readonly kind: 'reply'; readonly reply: unknown }
  | { readonly kind: 'status'; readonly status: StatusObject };

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
    const ctx = contextOf(route, call, { headers, signal: giveUp.signal });
    return await answers[route.phase](deps, route, { call, ctx });
  } finally {
    giveUp.release();
  }
}

const answers = { try: answerTry, confirm: handle, cancel: answerCancel } as const;

interface Received {
  readonly call: Call;
  readonly ctx: CallContext;
}

async function answerTry(deps: CallDeps, route: Route, received: Received): Promise<CallAnswer> {
  const { ctx } = received;
  const late = deps.clock.now() - (ctx.notAfter ?? 0);
  if (late > 0) {
    const text = `this Try had to start ${late} ms ago (${metadataKeys.notAfter}); it was not started`;
    return refusal(status.DEADLINE_EXCEEDED, text);
  }
  const { fence } = deps;
  if (fence === undefined) return handle(deps, route, received);
  const key = keyOf(ctx);
  if (!fence.enterTry(key)) {
    return refusal(status.ABORTED, 'this branch was cancelled before; the Try was not started');
  }
  try {
    return await handle(deps, route, received);
  } finally {
    fence.leaveTry(key);
  }
}

async function answerCancel(deps: CallDeps, route: Route, received: Received): Promise<CallAnswer> {
  const { ctx } = received;
  const { fence } = deps;
  if (fence === undefined) return handle(deps, route, received);
  if (!(await fence.enterCancel(keyOf(ctx), ctx.notAfter ?? 0))) {
    return refusal(
      status.RESOURCE_EXHAUSTED,
      'too many cancelled branches to remember; call again',
    );
  }
  if (ctx.signal.aborted) {
    return refusal(status.CANCELLED, 'given up while the Try of this branch was still running');
  }
  return handle(deps, route, received);
}

async function handle(deps: CallDeps, route: Route, { call, ctx }: Received): Promise<CallAnswer> {
  try {
    const reply = await route.handler(call.request, ctx);
    // No bytes are the empty message of every type.
    return { kind: 'reply', reply: reply ?? route.method.responseDeserialize(Buffer.alloc(0)) };
  } catch (error) {
    if (!isVerdict(error)) tell(deps, error, ctx);
    return { kind: 'status', status: statusOfError(error) };
  }
}

function tell(deps: CallDeps, error: unknown, ctx: CallContext): void {
  // A hook must not change what the caller is told, nor end the process, and nobody waits for it.
  try {
    void Promise.resolve(deps.onError?.(error, ctx)).catch(() => {});
  } catch {}
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

function contextOf(
  route: Route,
  call: Call,
  known: { readonly headers: CallHeaders; readonly signal: AbortSignal },
): CallContext {
  return {
    ...known.headers,
    action: route.action,
    phase: route.phase,
    deadline: deadlineOf(call),
    signal: known.signal,
    traceparent: textOf(call.metadata, metadataKeys.traceparent),
    metadata: call.metadata,
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
