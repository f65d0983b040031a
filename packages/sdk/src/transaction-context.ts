/** What the callback of `run` gets. */
import type { ActionReply, ActionRequest, TccDefinition } from './define-tcc';
import type { ActionMap } from './tcc-action';
import type { Duration } from './duration';
import type { ServiceLike } from './service-definition';

/** Where a definition's participant is, and what every Try to it carries. */
export interface UseOptions {
  /** gRPC address: `dns:///stock:50051`, `127.0.0.1:50051`. Stored with each branch; Confirm and Cancel go there too. */
  readonly target: string;
  /**
   * Metadata of every Try, besides Tercet's own; not sent with Confirm and Cancel. Keys that end in `-bin` take
   * bytes, all others text. Keys that begin with `tercet-` or `grpc-` are refused.
   */
  readonly metadata?: Readonly<Record<string, string | Uint8Array>>;
  /**
   * `auto`: Tries share a stream where the participant offers it, which costs a fraction of a call each; else each is a
   * call of its own. `unary`: always so. Both mean the same. Says nothing of Confirm and Cancel, which the coordinator
   * calls. Default `auto`, or what `deliver` of `createTercet` says.
   */
  readonly transport?: 'auto' | 'unary';
}

/** Settings of one Try. */
export interface TryOptions {
  /** Gives this Try up. Like any Try that did not succeed it makes the run roll back. */
  readonly signal?: AbortSignal;
  /** Longest time for this Try, where it is less than the action's deadline and what is left of the run. */
  readonly deadline?: Duration;
}

/**
 * The actions of a definition as functions. Each call is one branch: it is registered (durable), then its Try is
 * sent. Resolves with the Try's reply. Rejects with TryRejectedError, TryUnknownError, AttachedError, or a
 * TercetError where the Try was never sent; after any rejection the run can only roll back. Not repeatable:
 * calling again makes another branch.
 */
export type TccProxy<S extends ServiceLike, A extends ActionMap> = {
  readonly [K in keyof A & string]: (
    request: ActionRequest<S, A[K]>,
    options?: TryOptions,
  ) => Promise<ActionReply<S, A[K], 'try'>>;
};

/** Replies of several Tries, in their order. */
export type Replies<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/** The running transaction. */
export interface TransactionContext {
  readonly gid: string;
  /** Drawn for this run: 32 hex digits. */
  readonly runId: string;
  /**
   * Aborted when the run fails, times out, is aborted by its caller, or finds that another run owns the gid. The
   * reason is what happened.
   */
  readonly signal: AbortSignal;
  /**
   * The actions of a participant. Sends nothing; may be called as often as needed.
   *
   * @throws ConfigError naming the option, and where `definition` was not made by `defineTcc`.
   */
  use<S extends ServiceLike, A extends ActionMap>(
    definition: TccDefinition<S, A>,
    options: UseOptions,
  ): TccProxy<S, A>;
  /**
   * Awaits several Tries: resolves with all replies, in order, or, once every one of them has ended, rejects with
   * the error of the one that failed first.
   */
  all<T extends readonly unknown[] | []>(tries: T): Promise<Replies<T>>;
}
