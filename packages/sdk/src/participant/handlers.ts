/** Types of what `addTcc` takes. */
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from '@grpc/grpc-js';
import type { Clock } from '@tercet/core';
import type { ActionReply, ActionRequest, TccDefinition } from '../define-tcc';
import type { ActionMap, ActionMethods } from '../tcc-action';
import type { MethodLike, ReplyOf, RequestOf, ServiceLike } from '../service-definition';
import type { Tercet } from '../tercet';
import type { CallContext } from './call-context';
import type { ParticipantInterceptor } from './interceptors';

/** The three handlers of an action. A handler that returned has done its work durably. */
export interface ActionHandlers<S extends ServiceLike, M extends ActionMethods> {
  /** Reserves, and answers with the reply that the initiator gets. */
  try(
    request: ActionRequest<S, M>,
    ctx: CallContext,
  ): Promise<ActionReply<S, M, 'try'>> | ActionReply<S, M, 'try'>;
  /** Makes the reservation final. Returning nothing sends an empty message. */
  confirm(
    request: ActionRequest<S, M>,
    ctx: CallContext,
  ): PhaseTwoReply<ActionReply<S, M, 'confirm'>>;
  /** Takes the reservation back; comes for branches whose Try never arrived, too. Returning nothing sends an empty message. */
  cancel(
    request: ActionRequest<S, M>,
    ctx: CallContext,
  ): PhaseTwoReply<ActionReply<S, M, 'cancel'>>;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler without `return` is of type void
type PhaseTwoReply<R> = Promise<R | void> | R | void;

/** Any definition. */
export type AnyTccDefinition = TccDefinition<ServiceLike, ActionMap>;

/** One definition, or several of one service. */
export type Definitions = AnyTccDefinition | readonly AnyTccDefinition[];

type One<D extends Definitions> = D extends readonly (infer E)[] ? E : D;
type ServiceOf<D extends Definitions> =
  One<D> extends { readonly service: infer S extends ServiceLike } ? S : never;

type HandlersOfOne<D> =
  D extends TccDefinition<infer S, infer A>
    ? { readonly [K in keyof A & string]: ActionHandlers<S, A[K]> }
    : never;

type ActionMethodNames<D> =
  D extends TccDefinition<ServiceLike, infer A>
    ? { [K in keyof A]: A[K]['try'] | A[K]['confirm'] | A[K]['cancel'] }[keyof A]
    : never;

type Intersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void
  ? I
  : never;

/** A plain grpc-js handler of a method that belongs to no action. */
export type OrdinaryHandler<M extends MethodLike> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? handleBidiStreamingCall<RequestOf<M>, ReplyOf<M>>
    : handleClientStreamingCall<RequestOf<M>, ReplyOf<M>>
  : M['responseStream'] extends true
    ? handleServerStreamingCall<RequestOf<M>, ReplyOf<M>>
    : handleUnaryCall<RequestOf<M>, ReplyOf<M>>;

/** Handlers of every action by its name, and of every other method of the service by the method's name. */
export type TccHandlers<D extends Definitions> = Intersection<HandlersOfOne<One<D>>> & {
  readonly [K in Exclude<keyof ServiceOf<D> & string, ActionMethodNames<One<D>>>]: OrdinaryHandler<
    ServiceOf<D>[K]
  >;
};

/** How a participant behaves. */
export interface AddTccOptions {
  /**
   * True: the handlers themselves keep a Try that comes after its Cancel out (a tombstone in their database), so the
   * fence in this process's memory is off. Say `barrier: true` in the definition too, so that Cancel need not wait.
   * Default false.
   */
  readonly barrier?: boolean;
  /**
   * The client through which handlers of Try add nested branches with `ctx.use`, made by `createTercet`. Its
   * coordinator must be the one of the initiators. Close it after `drain`. Default: none, `ctx.use` throws.
   */
  readonly tercet?: Tercet;
  /** Called around each handler, the first one outermost. Default: none. */
  readonly interceptors?: readonly ParticipantInterceptor[];
  /**
   * Called with every error that a call ends with and that is none of TccReject, TccRetry, TccPark: what a handler or
   * an interceptor threw, or that a nested Try failed. What it throws is ignored, what it returns is not awaited.
   * Default: nothing; the SDK never writes to the console.
   */
  readonly onError?: (error: unknown, ctx: CallContext) => unknown;
  /** Most branches the fence remembers; Cancels beyond get RESOURCE_EXHAUSTED and come again. Default 100,000. */
  readonly fenceKeysMax?: number;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** A service that was added. */
export interface TccService {
  /**
   * From now on calls of actions are refused with UNAVAILABLE; resolves when the running ones have ended. Ordinary
   * methods go on. May be called again.
   */
  drain(): Promise<void>;
}
