/** What a handler is given of its call. */
import type { Metadata } from '@grpc/grpc-js';
import { ConfigError } from '../errors';
import type { CallContext } from './call-context';
import type { CallHeaders } from './call-headers';
import type { IncomingCall } from './incoming-call';
import type { Route } from './routes';
import { TccPark, TccReject, TccRetry } from './verdicts';

/** What a context is made of. */
export interface ContextOf {
  readonly route: Route;
  readonly call: IncomingCall;
  readonly headers: CallHeaders;
  readonly use: CallContext['use'];
}

/**
 * The context of a call without a barrier, or outside of its local transaction. What few handlers look at are getters:
 * an object of its own with accessors would cost more than all the rest.
 */
export class HandlerContext implements CallContext {
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

  constructor({ headers, route, call, use }: ContextOf) {
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

  get db(): unknown {
    return undefined;
  }

  get tried(): unknown {
    throw noBarrier('tried');
  }

  get tryObserved(): boolean {
    throw noBarrier('tryObserved');
  }

  get saved(): unknown {
    throw noBarrier('saved');
  }

  get save(): CallContext['save'] {
    throw noBarrier('save');
  }
}

function noBarrier(name: string): ConfigError {
  return new ConfigError(
    `ctx.${name}: only handlers of a participant with a barrier have it: addTcc(server, definition, handlers, { barrier: sqliteBarrier(db) }), for example`,
    { option: 'barrier' },
  );
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
