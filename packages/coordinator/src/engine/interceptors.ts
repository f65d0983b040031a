/**
 * Hooks of whoever runs a coordinator: metrics, traces, tests. Chains in the manner of gRPC: each interceptor calls
 * `next`, the first one is the outermost.
 *
 * H1 No interceptor changes what is decided or durable: decisions and stuck branches are told after the fact.
 * H2 What came back from a participant counts, whatever an interceptor does with it: an OK is never lost.
 * H3 An interceptor that throws is logged; the work goes on. An attempt that it kept from leaving is a failed one.
 */
import {
  type CallReply,
  type DecisionCause,
  type DecisionKind,
  type Scheduler,
  type StuckReason,
  grpcCode,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { ParticipantCall } from '../participant/participant-caller';

/** A decision that has just become durable. */
export interface DecisionEvent {
  readonly gid: string;
  /** The run that opened it. */
  readonly runId: string;
  readonly name: string;
  readonly decision: DecisionKind;
  readonly cause: DecisionCause;
  /** Number of branches. */
  readonly branches: number;
  /** Opening and decision, Unix milliseconds. */
  readonly openedAt: number;
  readonly decidedAt: number;
}

/**
 * A branch that has become stuck: at an attempt, or, held back or in a call that hangs, within 5 s of its time. Told once
 * while its transaction is in memory, so again after a restart. Above the limit of residents, what is not in memory is
 * told when it comes back.
 */
export interface StuckEvent {
  readonly gid: string;
  readonly name: string;
  readonly branchId: string;
  readonly action: string;
  /** `shop.StockTcc`. */
  readonly service: string;
  readonly target: string;
  readonly phase: DecisionKind;
  readonly reason: StuckReason;
  readonly parked: boolean;
  /** Calls that ended. */
  readonly attempts: number;
  /** The last failure's gRPC code and message; undefined where no call ended. */
  readonly code: number | undefined;
  readonly message: string | undefined;
}

/** Called around what a coordinator does. All hooks are optional. */
export interface CoordinatorInterceptor {
  /** After a decision became durable, before its first call leaves. */
  decision?(event: DecisionEvent, next: () => void): void;
  /** Around one call of Confirm or Cancel, sent by `next`. What it resolves with changes nothing. */
  attempt?(call: ParticipantCall, next: () => Promise<CallReply>): Promise<unknown>;
  /** When a branch becomes stuck. */
  stuck?(event: StuckEvent, next: () => void): void;
}

/** How one attempt ended; `sent` = the call left. */
export interface AttemptEnd {
  readonly reply: CallReply;
  readonly sent: boolean;
}

/** What running interceptors needs. */
export interface InterceptorChainDeps {
  readonly interceptors: readonly CoordinatorInterceptor[];
  readonly scheduler: Scheduler;
  readonly logger: Logger;
}

/** Longest time that interceptors may take beside the call itself, milliseconds: after it the call's own end counts. */
const INTERCEPTOR_MS_MAX = 1_000;

/** The interceptors of one coordinator. */
export class InterceptorChain {
  /** Those that stand around attempts. */
  private readonly around: readonly CoordinatorInterceptor[];

  constructor(private readonly deps: InterceptorChainDeps) {
    this.around = deps.interceptors.filter((one) => one.attempt !== undefined);
  }

  /** Tells a decision. Never throws. */
  decision(event: DecisionEvent): void {
    this.tell('decision', event);
  }

  /** Tells a stuck branch. Never throws. */
  stuck(event: StuckEvent): void {
    this.tell('stuck', event);
  }

  /** Whether any interceptor stands around attempts; where none does, `attempt` would do nothing but call. */
  get standAround(): boolean {
    return this.around.length > 0;
  }

  /** Runs one call within the interceptors. Never rejects. */
  async attempt(call: ParticipantCall, send: () => Promise<CallReply>): Promise<AttemptEnd> {
    let sent: Promise<CallReply> | undefined;
    let late = false;
    const next = async (place: number): Promise<CallReply> => {
      // The attempt was counted as not sent; another one may be under way.
      if (late) throw new Error('next of an attempt was called after its time');
      const interceptor = this.around[place];
      if (interceptor?.attempt !== undefined) {
        let inner: Promise<CallReply> | undefined;
        await interceptor.attempt(
          call,
          once(() => {
            inner = next(place + 1);
            return inner;
          }),
        );
        if (inner !== undefined) return await inner;
        throw new Error('an attempt interceptor returned without having called next');
      }
      sent = send();
      return await sent;
    };
    await this.over(next(0), call);
    late = true;
    // H2: the inner reply, where the call left. It ends at its deadline at the latest.
    if (sent !== undefined) return { reply: await sent, sent: true };
    return { reply: notSent, sent: false };
  }

  /** Resolves when the interceptors are through, when their time is up, or when the call is given up. */
  private over(work: Promise<unknown>, call: ParticipantCall): Promise<void> {
    const { context, deadlineMs, signal } = call;
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.deps.scheduler.after(deadlineMs + INTERCEPTOR_MS_MAX, end);
      signal.addEventListener('abort', end, { once: true });
      void settled(work).then((error) => {
        if (error !== undefined) this.complain('attempt', context.gid, error);
        end();
      });
    });
  }

  private tell(hook: 'decision' | 'stuck', event: DecisionEvent | StuckEvent): void {
    const next = (place: number): void => {
      const interceptor = this.deps.interceptors[place];
      if (interceptor === undefined) return;
      if (interceptor[hook] === undefined) return next(place + 1);
      let passed = false;
      const inner = (): void => {
        if (passed) return;
        passed = true;
        next(place + 1);
      };
      try {
        // Each event goes to the hook of its own name. One that is an async function may still fail.
        const told: unknown = interceptor[hook](event as DecisionEvent & StuckEvent, inner);
        if (told instanceof Promise) {
          told.catch((error: unknown) => this.complain(hook, event.gid, error));
        }
      } catch (error) {
        this.complain(hook, event.gid, error);
        inner();
      }
    };
    next(0);
  }

  private complain(hook: string, gid: string, error: unknown): void {
    this.deps.logger.error({ hook, gid, err: error }, 'an interceptor failed');
  }
}

const notSent: CallReply = {
  code: grpcCode.INTERNAL,
  message: 'an interceptor of the coordinator kept this call from leaving',
  verdict: undefined,
  retryAfterMs: undefined,
  peer: undefined,
};

/** `next` of an attempt may be called once: a second call would be a second attempt that nobody counts. */
function once(next: () => Promise<CallReply>): () => Promise<CallReply> {
  let called = false;
  return () => {
    if (called) return Promise.reject(new Error('next of an attempt was called twice'));
    called = true;
    return next();
  };
}

/** The error of a promise, or undefined. */
async function settled(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error ?? new Error('rejected without an error');
  }
}
