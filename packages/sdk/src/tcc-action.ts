/** An action: as a user writes it down, and with every setting resolved. */
import type { RetryPolicy } from '@tercet/core';
import type { Duration } from './duration';
import type { MethodLike } from './service-definition';

/** How actions are called. Everything is optional; an action's own settings win over the definition's. */
export interface TccOptions {
  /** Deadline of one call of each phase. Default 5 s each. Try gets less where less of the transaction is left. */
  readonly deadlines?: {
    readonly try?: Duration;
    readonly confirm?: Duration;
    readonly cancel?: Duration;
  };
  /** Delays between attempts: full jitter under a bound that doubles. Default from 200 ms up to 60 s. */
  readonly retry?: { readonly firstDelay?: Duration; readonly maxDelay?: Duration };
  /**
   * Time after the decision from which an unanswered branch is shown as stuck; where its first Cancel has to outwait
   * an untold Try, after the end of that wait. Default 5 m.
   */
  readonly stuckAfter?: Duration;
  /** Failed attempts of Confirm or Cancel from which a branch is shown as stuck, 1 to 1,000. Default 5. */
  readonly stuckAttempts?: number;
  /**
   * Parks a branch when Confirm or Cancel fails with UNIMPLEMENTED, PERMISSION_DENIED, UNAUTHENTICATED or
   * INVALID_ARGUMENT: it is not called again until an operator resumes or resolves it. Otherwise such a branch is
   * shown as stuck at once and retried slowly, because a deploy or a proxy often mends them. Default false.
   */
  readonly parkPermanentErrors?: boolean;
  /**
   * The participant keeps a Try that comes after its Cancel out by itself (a barrier or a tombstone of its own):
   * Cancel need not wait until no Try can start any more. This is what initiator and coordinator know; that the
   * participant's `addTcc` is given a `barrier`, too, nobody can check from here. Default false.
   */
  readonly barrier?: boolean;
}

/** The methods of an action, by their names in the generated `XService`, and its own settings. */
export interface ActionMethods<Name extends string = string> extends TccOptions {
  readonly try: Name;
  readonly confirm: Name;
  readonly cancel: Name;
}

/** The actions of a definition, by name. */
export type ActionMap<Name extends string = string> = Readonly<Record<string, ActionMethods<Name>>>;

/** An action with every setting resolved. */
export interface TccAction {
  /** `reserve`. */
  readonly name: string;
  readonly methods: {
    readonly try: MethodLike;
    readonly confirm: MethodLike;
    readonly cancel: MethodLike;
  };
  /** Milliseconds. */
  readonly deadlines: {
    readonly tryMs: number;
    readonly confirmMs: number;
    readonly cancelMs: number;
  };
  readonly retry: RetryPolicy;
  readonly stuckAfterMs: number;
  readonly stuckAttempts: number;
  readonly parkPermanentErrors: boolean;
  readonly barrier: boolean;
  /** Whether what Try's serializer writes is what this phase's own would write: the request is then encoded once. */
  readonly writesAsTry: { readonly confirm: boolean; readonly cancel: boolean };
}
