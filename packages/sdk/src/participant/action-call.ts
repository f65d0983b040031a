/**
 * One call of an action, from its arrival to the answer: whether it starts. The same for every transport.
 *
 * P1 A Try starts only before its `notAfter` by this participant's clock, without grace.
 * P3 Nothing of a call that `authorize` refuses is done or remembered: it reaches neither fence nor interceptors.
 */
import { status } from '@grpc/grpc-js';
import { metadataKeys, toTercetError } from '@tercet/core';
import { type Authorize, refusalBy } from './authorize';
import { type CallAnswer, type CallRefusal, refusal } from './call-answer';
import type { CallContext } from './call-context';
import { type CallHeaders, readHeaders } from './call-headers';
import type { Fence } from './fence';
import { type Guard, handleGuarded, refusalByBarrier } from './guarded-call';
import { type HandlingDeps, handleCall } from './handle-call';
import type { IncomingCall } from './incoming-call';
import { ReceivedCall } from './received-call';
import { LATE_TRY } from './refusal-of-error';
import type { Route } from './routes';

/** What a call needs. */
export interface CallDeps extends HandlingDeps {
  /** undefined = a barrier, or the handlers themselves, do it. */
  readonly fence: Fence | undefined;
  /** undefined = there is no barrier, or the handlers have one of their own. */
  readonly guard: Guard | undefined;
  /** undefined = every call may start. */
  readonly authorize: Authorize | undefined;
}

/** Answers a call. Rejects only where what a handler threw cannot be looked at. */
export function answerCall(
  deps: CallDeps,
  route: Route,
  call: IncomingCall,
): CallAnswer | Promise<CallAnswer> {
  let headers: CallHeaders;
  try {
    headers = readHeaders(call.sent, route.phase);
  } catch (error) {
    return refusal(status.INVALID_ARGUMENT, toTercetError(error).message);
  }
  const received = new ReceivedCall(route, call, headers);
  return deps.authorize === undefined && deps.guard === undefined
    ? answers[route.phase](deps, received)
    : answerChecked(deps, received);
}

const answers = { try: answerTry, confirm: handleCall, cancel: answerCancel } as const;

async function answerChecked(deps: CallDeps, received: ReceivedCall): Promise<CallAnswer> {
  const refused = await refusalByUser(deps, received);
  if (refused !== undefined) return refused;
  const { guard } = deps;
  if (guard === undefined) return answers[received.route.phase](deps, received);
  const notYet = guard.readiness.known ? undefined : await refusalByBarrier(guard, deps, received);
  return notYet ?? refusalOfOverdue(deps, received) ?? handleGuarded(guard, deps, received);
}

async function refusalByUser(
  deps: CallDeps,
  { ctx, call }: ReceivedCall,
): Promise<CallRefusal | undefined> {
  if (deps.authorize === undefined) return undefined;
  const refused = await refusalBy(deps.authorize, deps, ctx);
  if (refused !== undefined) return refused;
  if (!call.givenUp) return undefined;
  return refusal(status.CANCELLED, 'given up before authorize had let it start');
}

/** P1. */
function refusalOfOverdue(deps: CallDeps, { ctx }: ReceivedCall): CallRefusal | undefined {
  if (ctx.phase !== 'try') return undefined;
  const late = deps.clock.now() - (ctx.notAfter ?? 0);
  if (late <= 0) return undefined;
  const text = `this Try had to start ${late} ms ago (${metadataKeys.notAfter}); it was not started`;
  return refusal(status.DEADLINE_EXCEEDED, text);
}

function answerTry(deps: CallDeps, received: ReceivedCall): CallAnswer | Promise<CallAnswer> {
  const overdue = refusalOfOverdue(deps, received);
  if (overdue !== undefined) return overdue;
  const { fence } = deps;
  return fence === undefined ? handleCall(deps, received) : fencedTry(fence, deps, received);
}

async function fencedTry(
  fence: Fence,
  deps: CallDeps,
  received: ReceivedCall,
): Promise<CallAnswer> {
  const key = keyOf(received.ctx);
  if (!fence.enterTry(key)) {
    return refusal(status.ABORTED, LATE_TRY);
  }
  try {
    return await handleCall(deps, received);
  } finally {
    fence.leaveTry(key);
  }
}

async function answerCancel(deps: CallDeps, received: ReceivedCall): Promise<CallAnswer> {
  const { ctx, call } = received;
  const { fence } = deps;
  if (fence === undefined) return handleCall(deps, received);
  if (!(await fence.enterCancel(keyOf(ctx), ctx.notAfter ?? 0))) {
    return refusal(
      status.RESOURCE_EXHAUSTED,
      'too many cancelled branches to remember; call again',
    );
  }
  if (call.givenUp) {
    return refusal(status.CANCELLED, 'given up while the Try of this branch was still running');
  }
  return handleCall(deps, received);
}

function keyOf(ctx: CallContext): string {
  return `${ctx.gid}/${ctx.runId}/${ctx.branchId}`;
}
