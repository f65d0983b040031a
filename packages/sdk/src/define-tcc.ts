/**
 * The definition of a participant's actions: which three methods of a service are Try, Confirm and Cancel of one
 * action, and how they are called. Initiator and participant share it; the initiator's registration carries its
 * deadlines, retry policy and stuck threshold to the coordinator.
 */
import { ConfigError } from './errors';
import { oneService, resolveAction } from './resolve-action';
import type { ReplyOf, RequestOf, Same, ServiceLike, UnaryMethodName } from './service-definition';
import type { ActionMap, ActionMethods, TccAction, TccOptions } from './tcc-action';

/** What `defineTcc` makes. `S` and `A` carry the types of requests and replies. */
export interface TccDefinition<
  S extends ServiceLike = ServiceLike,
  A extends ActionMap = ActionMap,
> {
  /** The generated service, as given. */
  readonly service: S;
  /** `shop.StockTcc`. */
  readonly serviceName: string;
  /** As given: the names of the methods. */
  readonly methodNames: A;
  /** The resolved actions, by name. */
  readonly actions: Readonly<Record<keyof A & string, TccAction>>;
}

/** Request of an action. */
export type ActionRequest<S extends ServiceLike, M extends ActionMethods> = RequestOf<
  Method<S, M['try']>
>;
/** Reply of one phase of an action. */
export type ActionReply<
  S extends ServiceLike,
  M extends ActionMethods,
  P extends 'try' | 'confirm' | 'cancel',
> = ReplyOf<Method<S, M[P]>>;

type Method<S extends ServiceLike, Name extends string> = Name extends keyof S ? S[Name] : never;

/** The actions as given, or, where something is wrong, with a text in its place that says what. */
export type CheckedActions<S extends ServiceLike, A extends ActionMap> = {
  readonly [K in keyof A]: CheckedAction<S, A[K]>;
};

type CheckedAction<S extends ServiceLike, M extends ActionMethods> = {
  readonly [P in keyof M]: P extends 'confirm' | 'cancel'
    ? CheckedPhase<S, M, P>
    : P extends keyof ActionMethods
      ? M[P]
      : 'error: unknown setting of an action';
};

type CheckedPhase<S extends ServiceLike, M extends ActionMethods, P extends 'confirm' | 'cancel'> =
  Same<RequestOf<Method<S, M['try']>>, RequestOf<Method<S, M[P]>>> extends true
    ? M[P]
    : `error: the request of ${P} differs from the request of try; the three methods of an action share one request message`;

/**
 * Defines the actions of a service.
 *
 * @param service The generated `XService` of ts-proto (`outputServices=grpc-js`).
 * @param actions Each action's three methods, and its own settings where they differ from `options`.
 * @param options Settings of all actions.
 * @returns The definition, for `tx.use` and `addTcc`. Has no effect by itself; may be called again.
 * @throws ConfigError naming the action or the option. A wrong method name, and three methods whose request types
 *   differ, are compile errors besides.
 */
export function defineTcc<
  const S extends ServiceLike,
  const A extends ActionMap<UnaryMethodName<S>>,
>(
  service: S,
  actions: A extends CheckedActions<S, A> ? A : CheckedActions<S, A>,
  options: TccOptions = {},
): TccDefinition<S, A> {
  const named = Object.entries<ActionMethods>(actions);
  if (named.length === 0) throw new ConfigError('defineTcc needs at least one action');
  const resolved = named.map(([name, methods]) =>
    resolveAction(service, { name, methods, options }),
  );
  return {
    service,
    serviceName: oneService(resolved),
    // What compiled is A itself: the other branch of the parameter's type only carries error texts.
    methodNames: actions as A,
    actions: Object.fromEntries(resolved.map((action) => [action.name, action])) as Readonly<
      Record<keyof A & string, TccAction>
    >,
  };
}
