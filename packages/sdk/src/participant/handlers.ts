/** Types of what `addTcc` takes. */
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from '@grpc/grpc-js';
import type { Clock, Scheduler } from '@tercet/core';
import type { Barrier, CancelWhenTryUnknown } from '../barrier/barrier';
import type { ActionReply, ActionRequest, TccDefinition } from '../define-tcc';
import type { ActionMap, ActionMethods } from '../tcc-action';
import type { MethodLike, ReplyOf, RequestOf, ServiceLike } from '../service-definition';
import type { Tercet } from '../tercet';
import type { WarningListener } from '../warnings';
import type { CallContext } from './call-context';
import type { ParticipantInterceptor } from './interceptors';

/**
 * The three handlers of an action. A handler that returned has done its work durably; with a barrier, its work is made
 * durable when it has returned.
 *
 * `Db` is what the barrier of the options gives as `ctx.db`, undefined without one; `When` what those options say in
 * `cancelWhenTryUnknown`.
 */
export type ActionHandlers<
  S extends ServiceLike,
  M extends ActionMethods,
  Db = undefined,
  When extends CancelWhenTryUnknown = 'skip',
> = TryAndConfirm<S, M, Db> & CancelHandler<S, M, Db, When>;

/** The handlers of Try and Confirm. */
export interface TryAndConfirm<S extends ServiceLike, M extends ActionMethods, Db> {
  /** Reserves, and answers with the reply that the initiator gets. */
  try(
    request: ActionRequest<S, M>,
    ctx: CallContext<Db, undefined>,
  ): Promise<ActionReply<S, M, 'try'>> | ActionReply<S, M, 'try'>;
  /** Makes the reservation final. Returning nothing sends an empty message. */
  confirm(
    request: ActionRequest<S, M>,
    ctx: CallContext<Db, Tried<S, M, Db>>,
  ): PhaseTwoReply<ActionReply<S, M, 'confirm'>>;
}

/** The handler of Cancel, and when it is called. */
export type CancelHandler<
  S extends ServiceLike,
  M extends ActionMethods,
  Db,
  When extends CancelWhenTryUnknown,
> = CancelledWhen<S, M, Db, When>['skip' | 'call' | 'unsaid'];

/** By what the action says of a Cancel whose Try left no trace. */
interface CancelledWhen<
  S extends ServiceLike,
  M extends ActionMethods,
  Db,
  When extends CancelWhenTryUnknown,
> {
  readonly unsaid: Cancelling<S, M, Db, When> & { readonly cancelWhenTryUnknown?: undefined };
  readonly skip: Cancelling<S, M, Db, 'skip'> & { readonly cancelWhenTryUnknown: 'skip' };
  readonly call: Cancelling<S, M, Db, 'call'> & { readonly cancelWhenTryUnknown: 'call' };
}

interface Cancelling<
  S extends ServiceLike,
  M extends ActionMethods,
  Db,
  When extends CancelWhenTryUnknown,
> {
  /**
   * Takes the reservation back. Without a barrier it comes for branches whose Try never arrived, too; with one only where
   * `cancelWhenTryUnknown` says `call`. Returning nothing sends an empty message.
   */
  cancel(
    request: ActionRequest<S, M>,
    ctx: CallContext<Db, 'call' extends When ? Tried<S, M, Db> | undefined : Tried<S, M, Db>>,
  ): PhaseTwoReply<ActionReply<S, M, 'cancel'>>;
}

/** Without a barrier nobody keeps it. */
type Tried<S extends ServiceLike, M extends ActionMethods, Db> = [Db] extends [undefined]
  ? undefined
  : ActionReply<S, M, 'try'>;

// biome-ignore lint/suspicious/noConfusingVoidType: a handler without `return` is of type void
type PhaseTwoReply<R> = Promise<R | void> | R | void;

/** Any definition. */
export type AnyTccDefinition = TccDefinition<ServiceLike, ActionMap>;

/** One definition, or several of one service. */
export type Definitions = AnyTccDefinition | readonly AnyTccDefinition[];

type One<D extends Definitions> = D extends readonly (infer E)[] ? E : D;
type ServiceOf<D extends Definitions> =
  One<D> extends { readonly service: infer S extends ServiceLike } ? S : never;

type HandlersOfOne<D, Db, When extends CancelWhenTryUnknown> =
  D extends TccDefinition<infer S, infer A>
    ? { readonly [K in keyof A & string]: ActionHandlers<S, A[K], Db, When> }
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
export type TccHandlers<
  D extends Definitions,
  Db = undefined,
  When extends CancelWhenTryUnknown = 'skip',
> = Intersection<HandlersOfOne<One<D>, Db, When>> & {
  readonly [K in Exclude<keyof ServiceOf<D> & string, ActionMethodNames<One<D>>>]: OrdinaryHandler<
    ServiceOf<D>[K]
  >;
};

/**
 * How a participant behaves. `Db` is what its barrier gives to handlers as `ctx.db`, `When` what `cancelWhenTryUnknown`
 * can be; both are inferred.
 */
export interface AddTccOptions<
  Db = undefined,
  When extends CancelWhenTryUnknown = CancelWhenTryUnknown,
> {
  /**
   * A barrier, such as `sqliteBarrier(db)` of `@tercet/sdk/sqlite`: every call has its effect exactly once, in one local
   * transaction with the barrier's own row, which handlers get as `ctx.db`. Duplicates are answered with what was answered
   * first, a Try that comes after its Cancel is kept out, and so is a Cancel whose Try never came. The first call waits
   * until the barrier has been checked: see `TccService.ready`.
   *
   * True: the handlers do all that themselves (a tombstone in their database), over restarts too.
   *
   * With either the fence in this process's memory is off, and callers on Deliver are told that they may send a Try again
   * whose stream broke. Say `barrier: true` in the definition too: initiator and coordinator know nothing of this option,
   * and a Cancel need not wait then. Where several services share a server, callers are told only if each of them has
   * one. Default false.
   */
  readonly barrier?: boolean | Barrier<Db>;
  /**
   * What a Cancel does whose Try has left no trace in the barrier: it never came, or it failed and was rolled back.
   * `skip`: nothing, it is answered with OK. `call`: the handler is called, with `ctx.tryObserved` false and `ctx.tried`
   * undefined; for Tries that also touch what the local transaction does not cover. What an action's handlers say in their
   * own `cancelWhenTryUnknown` wins. Only with a barrier given as an object. Default `skip`.
   */
  readonly cancelWhenTryUnknown?: When;
  /**
   * The client through which handlers of Try add nested branches with `ctx.use`, made by `createTercet`. Its
   * coordinator must be the one of the initiators. Close it after `drain`. Default: none, `ctx.use` throws.
   */
  readonly tercet?: Tercet;
  /**
   * Called for every call of Try, Confirm and Cancel, whichever transport brought it, before the fence and the
   * interceptors: may this caller do this? `ctx.metadata` and `ctx.peer` tell who it is. Returning false, or a promise
   * of it, refuses with PERMISSION_DENIED; anything else lets the call pass. What it throws refuses with
   * PERMISSION_DENIED and the error's message, TccReject, TccRetry and TccPark too: a verdict is the handler's alone.
   * The time that it takes counts against the call's. It cannot add branches. Default: every call passes.
   */
  readonly authorize?: (ctx: CallContext) => unknown;
  /** Called around each handler, the first one outermost. Default: none. */
  readonly interceptors?: readonly ParticipantInterceptor[];
  /**
   * Called with every error that a call ends with and that is none of TccReject, TccRetry, TccPark: what a handler, an
   * interceptor or `authorize` threw, or that a nested Try failed; with a barrier also BarrierConflictError, and
   * BarrierError for a call whose end nobody knows, or that came while the barrier was not usable. What it throws is ignored, what it returns is not
   * awaited. Default: nothing; the SDK never writes to the console.
   */
  readonly onError?: (error: unknown, ctx: CallContext) => unknown;
  /**
   * Hears of what is probably not wanted, while `addTcc` runs: `DELIVER_NOT_OFFERED`. What it throws is ignored.
   * Default: nothing.
   */
  readonly onWarning?: WarningListener;
  /**
   * Whether the server offers Deliver, one stream for all calls of a caller, beside the unary methods: many times
   * faster. Default: it does, unless it was made with interceptors of its own (`new Server({ interceptors })`, the
   * SDK's `tercetServerInterceptor` aside), since they would see the stream but not the calls in it. True: it does in
   * any case. False: it never does.
   *
   * Decided at the first `addTcc` of a server; one that says otherwise later is a ConfigError. Interceptors that came
   * with the server's credentials cannot be seen: say false there.
   */
  readonly deliver?: boolean;
  /**
   * Unanswered Tries taken on each Deliver stream, 1 to 1,000,000; the rest gets RESOURCE_EXHAUSTED. The smallest that
   * a service of the server gives holds for all. Default 1,024.
   */
  readonly maxInFlightTry?: number;
  /** The same for Confirm and Cancel together, counted apart from Try. Default 1,024. */
  readonly maxInFlightPhaseTwo?: number;
  /** Most branches the fence remembers; Cancels beyond get RESOURCE_EXHAUSTED and come again. Default 100,000. */
  readonly fenceKeysMax?: number;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
  /** For tests. Streams use that of the server's first `addTcc`. Default: the machine's timers. */
  readonly scheduler?: Scheduler;
}

/** Whether calls of a service may come over Deliver. */
export interface DeliverState {
  readonly offered: boolean;
  /** Why not, for people; undefined where it is offered. */
  readonly reason: string | undefined;
}

/** A service that was added. */
export interface TccService {
  /**
   * Resolves when the barrier was found usable: its table is there and of this version. Calls wait for the same by
   * themselves; ask before the server is bound, or for a health check. Resolves at once where `addTcc` was given no barrier.
   *
   * @returns Rejects with what `check` of the barrier rejected with, BarrierError mostly, whose text says what is missing
   *   and how to make it. May be called again, and looks again.
   */
  ready(): Promise<void>;
  /** Whether the server offers Deliver, and with it the calls of this service. */
  readonly deliver: DeliverState;
  /**
   * From now on unary calls of actions are refused with UNAVAILABLE, and callers on Deliver are told to send nothing
   * more on their streams; what had crossed that message is still carried out, for up to a second. Resolves when the
   * running calls have ended and their answers have left. Ordinary methods go on.
   *
   * Deliver streams end after it: when their caller has closed its side and nothing runs, or when nothing has run for a
   * second. So `server.tryShutdown` completes after `drain` of every service; without it, it waits for the callers of
   * open streams. Callers that come back are refused once every service of the server is drained. Drain a service
   * before `server.removeService`: that alone does not take its methods off Deliver.
   *
   * May be called again.
   */
  drain(): Promise<void>;
}
