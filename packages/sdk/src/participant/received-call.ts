/** A call whose caller is known: what its handler is given. */
import type { Metadata } from '@grpc/grpc-js';
import { type Clock, type TraceContext, limits } from '@tercet/core';
import { type Deadline, deadlineIn } from '../deadline';
import { ConfigError } from '../errors';
import type { Joining } from '../joining';
import type { MethodLike } from '../service-definition';
import type { CallContext } from './call-context';
import type { CallHeaders } from './call-headers';
import type { IncomingCall } from './incoming-call';
import { NestedWork, type ParentCall } from './nested-work';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** A handler as it is called; its types were checked at `addTcc`. */
export type PhaseHandler = (request: unknown, ctx: CallContext) => unknown;

/** Which handler a method has. */
export interface Route {
  /** `shop.StockTcc`. */
  readonly service: string;
  readonly action: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  readonly method: MethodLike;
  readonly handler: PhaseHandler;
}

/** What nested work needs. */
export interface NestingDeps {
  /** The clock of the calls' deadlines. */
  readonly clock: Clock;
  /** What nested work goes through; undefined = there can be none. */
  readonly client: Joining | undefined;
}

/** A call that may start. */
export class ReceivedCall {
  readonly ctx: CallContext;
  private work: NestedWork | undefined;
  private started = false;

  constructor(
    readonly route: Route,
    readonly call: IncomingCall,
    readonly headers: CallHeaders,
  ) {
    this.ctx = new HandlerContext(this);
  }

  /** The nested work of the handler; undefined = this call can have none. */
  get nested(): NestedWork | undefined {
    return this.work;
  }

  /** From now on the handler may run, and add branches where there is a client. */
  start({ client, clock }: NestingDeps): void {
    this.started = true;
    if (this.route.phase !== 'try' || client === undefined) return;
    this.work = new NestedWork(client, new TryAsParent(this, { client, clock }));
  }

  /** `ctx.use`. */
  readonly use: CallContext['use'] = (definition, options) => {
    if (this.work === undefined) throw this.noNestedWork();
    return this.work.use(definition, options);
  };

  private noNestedWork(): ConfigError {
    const { phase, action } = this.route;
    const why =
      phase !== 'try'
        ? `only the handler of a Try can add branches, this is ${phase} of ${action}; call run for a transaction of its own`
        : this.started
          ? 'it needs a client: addTcc(server, definition, handlers, { tercet }), where tercet was made by createTercet'
          : 'authorize comes before the Try, only its handler can add branches';
    return new ConfigError(`ctx.use: ${why}`, { option: 'tercet' });
  }
}

/** What few handlers look at are getters: an object of its own with accessors would cost more than all the rest. */
class HandlerContext implements CallContext {
  readonly gid: string;
  readonly runId: string;
  readonly branchId: string;
  readonly action: string;
  readonly phase: CallContext['phase'];
  readonly attempt: number;
  readonly deadline: number | undefined;
  readonly notAfter: number | undefined;
  readonly traceparent: string | undefined;
  readonly peer: string | undefined;
  readonly use: CallContext['use'];
  readonly reject = reject;
  readonly retry = retry;
  readonly park = park;
  readonly #call: IncomingCall;

  constructor({ headers, route, call, use }: ReceivedCall) {
    this.gid = headers.gid;
    this.runId = headers.runId;
    this.branchId = headers.branchId;
    this.action = route.action;
    this.phase = route.phase;
    this.attempt = headers.attempt;
    this.deadline = call.deadline;
    this.notAfter = headers.notAfter;
    this.traceparent = call.traceparent;
    this.peer = call.peer;
    this.use = use;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }
}

/** A Try as the parent of the branches that its handler adds. */
class TryAsParent implements ParentCall {
  constructor(
    private readonly received: ReceivedCall,
    private readonly deps: { readonly client: Joining; readonly clock: Clock },
  ) {}

  get headers(): CallHeaders {
    return this.received.headers;
  }

  get trace(): TraceContext | undefined {
    return this.received.call.trace;
  }

  get deadline(): Deadline {
    const { client, clock } = this.deps;
    const at = this.received.call.deadline;
    const leftMs = at === undefined ? limits.timeoutMsDefault : at - clock.now();
    return deadlineIn(client.deps.clock, leftMs);
  }

  get signal(): AbortSignal {
    return this.received.call.signal;
  }
}

function reject(reason: string, details?: unknown): never {
  throw new TccReject(reason, details);
}

const retry: CallContext['retry'] = (options) => {
  throw new TccRetry(options);
};

function park(reason: string): never {
  throw new TccPark(reason);
}
