/** What `checkParticipant` takes. */
import type {
  ActionMap,
  ActionRequest,
  AddTccOptions,
  Barrier,
  CancelWhenTryUnknown,
  Definitions,
  Duration,
  ServiceLike,
  TccDefinition,
  TccHandlers,
} from '@tercet/sdk';
import type { LawId } from './law';

type One<D extends Definitions> = D extends readonly (infer E)[] ? E : D;

type Intersection<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void
  ? I
  : never;

type RequestsOfOne<T> =
  T extends TccDefinition<infer S extends ServiceLike, infer A extends ActionMap>
    ? { readonly [K in keyof A & string]: (n: number) => ActionRequest<S, A[K]> }
    : never;

/** For every action by its name: makes the `n`-th request. */
export type RequestGenerators<D extends Definitions> = Intersection<RequestsOfOne<One<D>>>;

/** Handlers as `addTcc` takes them, or, where they guard by themselves, a function that makes them for a database. */
export type CheckedHandlers<D extends Definitions, Db, When extends CancelWhenTryUnknown, OwnDb> =
  | TccHandlers<D, Db, When>
  | ((db: OwnDb) => TccHandlers<D>);

/** What a participant is checked with. */
export interface CheckOptions<
  D extends Definitions,
  Db = undefined,
  When extends CancelWhenTryUnknown = CancelWhenTryUnknown,
  OwnDb = undefined,
> {
  /**
   * As `addTcc` is given it: the barrier of the handlers; true = they guard by themselves; false = neither, only the
   * fence in the process's memory stands before them. Its table must be there. Crashes are injected through it.
   */
  readonly barrier: boolean | Barrier<Db>;
  /** As `addTcc` is given it, if it is. Default `skip`. */
  readonly cancelWhenTryUnknown?: When;
  /**
   * For every action: makes the `n`-th request, for n from 1 to 4. The same n gives the same request; different ones are
   * work that may be there at the same time. After `reset` all four together must be accepted.
   */
  readonly requests: RequestGenerators<D>;
  /**
   * For actions that can refuse: makes a request that Try rejects after `reset`. Default: where there is a barrier, a
   * rejection after the handler's work is injected instead; elsewhere that law is not checked.
   */
  readonly refused?: Partial<RequestGenerators<D>>;
  /**
   * The business state that the laws speak of, as plain data: balances, stock, reservations that still count. Leave out
   * what may differ between two runs of the same work: ids and times made by the database, logs, finished history. Rows in
   * a fixed order. Gids and run ids may be in it. The barrier's own table must not.
   */
  readonly snapshot: () => unknown;
  /** Brings the state back that `snapshot` showed first. Need not empty the barrier's table: run ids are always new. */
  readonly reset: () => unknown;
  /**
   * With handlers that guard by themselves, given as a function: the database that the function is called with. The
   * participant then also dies between two uses of it. Default undefined.
   */
  readonly db?: OwnDb;
  /** Only these laws, and L1, which the others need. Default: all. */
  readonly only?: readonly LawId[];
  /** Laws that this participant need not keep, each with the reason, which stands in the report. Default: none. */
  readonly except?: Readonly<Partial<Record<LawId, string>>>;
  /** How long one call may take before its handler counts as hanging. Default 2 s, at most 1 m. */
  readonly callTimeout?: Duration;
  /** How long one law may take for one action. Default 20 s, at most 10 m. */
  readonly lawTimeout?: Duration;
  /** More options of `addTcc`: `interceptors`, `authorize`, `onError`. Default: none. */
  readonly participant?: Omit<
    AddTccOptions<Db, When>,
    'barrier' | 'cancelWhenTryUnknown' | 'deliver'
  >;
}
