/** A call whose caller is known: what its handler is given. */
import { type Clock, type TraceContext, limits } from '@tercet/core';
import { type Deadline, deadlineIn } from '../deadline';
import { ConfigError } from '../errors';
import type { Joining } from '../joining';
import type { CallContext } from './call-context';
import type { CallHeaders } from './call-headers';
import { HandlerContext } from './handler-context';
import type { IncomingCall } from './incoming-call';
import { NestedWork, type ParentCall } from './nested-work';
import type { Route } from './routes';

/** What nested work needs. */
export interface NestingDeps {
  /** The clock of the calls' deadlines. */
  readonly clock: Clock;
  /** What nested work goes through; undefined = there can be none. */
  readonly client: Joining | undefined;
}

/**
 * How far a call has come. `started`: interceptors and handler may run. `guarded`: interceptors may; handlers run within
 * the barrier, each with a context of its own.
 */
type Stage = 'arrived' | 'started' | 'guarded';

/** A call that may start. */
export class ReceivedCall {
  readonly ctx: CallContext;
  private work: NestedWork | undefined;
  private stage: Stage = 'arrived';

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
  start(deps: NestingDeps): void {
    this.stage = 'started';
    this.work = this.nestedWork(deps);
  }

  /** From now on interceptors may run, and the barrier may run handlers. */
  startBehindBarrier(): void {
    this.stage = 'guarded';
  }

  /** Nested work of a handler that starts now; undefined = it can have none. */
  nestedWork({ client, clock }: NestingDeps): NestedWork | undefined {
    if (this.route.phase !== 'try' || client === undefined) return undefined;
    return new NestedWork(client, new TryAsParent(this, { client, clock }));
  }

  /** `ctx.use`. */
  readonly use: CallContext['use'] = (definition, options) => {
    if (this.work === undefined) throw this.noNestedWork(this.stage);
    return this.work.use(definition, options);
  };

  /** `ctx.use` of a handler with that nested work. */
  useOf(nested: NestedWork | undefined): CallContext['use'] {
    return (definition, options) => {
      if (nested === undefined) throw this.noNestedWork('started');
      return nested.use(definition, options);
    };
  }

  private noNestedWork(stage: Stage): ConfigError {
    const { phase, action } = this.route;
    const why =
      phase === 'try'
        ? whyNotInTry[stage]
        : `only the handler of a Try can add branches, this is ${phase} of ${action}; call run for a transaction of its own`;
    return new ConfigError(`ctx.use: ${why}`, { option: 'tercet' });
  }
}

const whyNotInTry: Readonly<Record<Stage, string>> = {
  arrived: 'authorize comes before the Try, only its handler can add branches',
  started:
    'it needs a client: addTcc(server, definition, handlers, { tercet }), where tercet was made by createTercet',
  guarded:
    'with a barrier only the handler of the Try can add branches: those of an interceptor would not be kept with its reply',
};

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
