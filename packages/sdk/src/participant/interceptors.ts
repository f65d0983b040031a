/**
 * Interceptors of a participant: a chain around each handler, the first one outermost.
 *
 * C1 An interceptor sees only calls that really start: what the fence, the time or `drain` refuses never reaches it.
 * C2 What it throws is what the handler threw; what it returns is the reply. Returning nothing passes on what `next`
 *    gave, an error included.
 * C3 A handler runs at most once for a call, and its answer leaves after it has ended, awaited by the interceptor or
 *    not. Behind a barrier `next` is that: it carries the call out once, and runs the handler as often as it takes.
 */
import { ConfigError } from '../errors';
import type { CallContext } from './call-context';

/** A call of an action, before its handler. */
export interface InterceptedCall {
  /** What the handler gets, too: gid, branch, action, phase, attempt, metadata. With a barrier without what that gives. */
  readonly ctx: CallContext;
  /** `shop.StockTcc`. */
  readonly service: string;
  /** The decoded request message of the action. */
  readonly request: unknown;
}

/** Called around the handlers of a participant. */
export interface ParticipantInterceptor {
  /**
   * Called for each call of Try, Confirm and Cancel that starts; `call.ctx.phase` tells which it is. It runs within
   * the call: `ctx.signal` and `ctx.deadline` count for it, and Cancel waits for it as for the Try's handler.
   *
   * `next` goes on to the next interceptor, at last to the handler, and resolves with the reply or rejects with what
   * was thrown: a verdict (TccReject, TccRetry, TccPark) or any other error. It may be called once; a second call
   * rejects with ConfigError and starts nothing.
   *
   * What this returns is the reply, in the place of the handler's; returning nothing keeps what `next` gave. Without
   * a call of `next` it must return a reply itself or throw: Confirm must never be answered by omission.
   *
   * With a barrier it stands outside of the local transaction, and sees duplicates, too. `next` then rejects for a late Try
   * and a conflict as well, and OK needs the barrier's: returning a reply where `next` rejected, or without having called
   * it, does not make the call OK. A reply that it returns is not stored.
   */
  handle(call: InterceptedCall, next: () => Promise<unknown>): unknown;
}

/** Runs `handler` within the interceptors. Resolves with the reply; rejects with what was thrown. */
export async function withinInterceptors(
  interceptors: readonly ParticipantInterceptor[],
  call: InterceptedCall,
  handler: () => unknown,
): Promise<unknown> {
  const [outermost, ...inner] = interceptors;
  if (outermost === undefined) return handler();
  const proceed = (): Promise<unknown> => withinInterceptors(inner, call, handler);
  return around(outermost, call, proceed);
}

async function around(
  interceptor: ParticipantInterceptor,
  call: InterceptedCall,
  proceed: () => Promise<unknown>,
): Promise<unknown> {
  const inner = new Once(proceed);
  let told: unknown;
  try {
    told = await interceptor.handle(call, () => inner.start());
  } finally {
    await inner.close();
  }
  return told === undefined ? inner.result(call) : told;
}

/** The rest of the chain: started at most once, and only while its interceptor runs. */
class Once {
  private started: Promise<unknown> | undefined;
  private closed = false;

  constructor(private readonly proceed: () => Promise<unknown>) {}

  start(): Promise<unknown> {
    if (this.closed) return refused('called next after it had ended');
    if (this.started !== undefined) return refused('called next twice');
    this.started = this.proceed();
    // The interceptor may not await it: `result` does.
    this.started.catch(() => {});
    return this.started;
  }

  /** Lets nothing start any more; resolves when what was started has ended. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled([this.started]);
  }

  result({ ctx }: InterceptedCall): Promise<unknown> {
    return (
      this.started ??
      refused(
        `neither called next nor returned a reply for ${ctx.phase} of ${ctx.action}: the handler was not called`,
      )
    );
  }
}

function refused(what: string): Promise<never> {
  return Promise.reject(
    new ConfigError(`an interceptor of this participant ${what}`, { option: 'interceptors' }),
  );
}
