/** What a handler throws to say more than "it failed". */
import { limits } from '@tercet/core';
import { type Duration, millisecondsOf } from '../duration';

/**
 * Refuses. In Try it is final and promises that nothing was applied: the transaction is cancelled and the
 * initiator's Try rejects with TryRejectedError. In Confirm and Cancel nothing may be refused: the branch is parked
 * and shown as stuck (`rejected`); it is called again once an operator resumes it.
 */
export class TccReject extends Error {
  override readonly name: string = 'TccReject';

  constructor(
    /** Why, for people; the initiator gets it. At most 1,024 characters are sent. */
    reason: string,
    /** Facts for the initiator's program, anything JSON can hold; left out above 4 KiB. */
    readonly details?: unknown,
  ) {
    super(reason);
  }
}

/** When to call again, and why. */
export interface RetryOptions {
  /** Earliest next call, at most 24 h. Default: the caller's own backoff. */
  readonly after?: Duration;
  /** For people. */
  readonly reason?: string;
}

/** Asks to be called again. In Try it promises that nothing was applied. */
export class TccRetry extends Error {
  override readonly name: string = 'TccRetry';
  /** Earliest next call, milliseconds. Default: the caller's own backoff. */
  readonly afterMs: number | undefined;

  /** Throws ConfigError for a malformed `after`. */
  constructor(options: RetryOptions = {}) {
    super(options.reason ?? 'asked to be called again');
    const range = { min: 0, max: limits.durationMsMax };
    const { after } = options;
    this.afterMs = after === undefined ? undefined : millisecondsOf('after', after, range);
  }
}

/**
 * Asks for an operator: Confirm or Cancel cannot succeed by being repeated. The branch is parked: it is called again once
 * an operator resumes it. In Try it counts as unknown.
 */
export class TccPark extends Error {
  override readonly name: string = 'TccPark';

  constructor(
    /** Why, for operators. At most 1,024 characters are sent. */
    reason: string,
  ) {
    super(reason);
  }
}
