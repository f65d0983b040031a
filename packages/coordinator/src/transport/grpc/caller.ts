import { type CallSignal, CallSignalSource } from '@tercet/core';
import type { CallContext } from '../../service/transaction-service';

/**
 * The other end of a unary call, or of a command of a session. It is its own signal: there is one for each command,
 * and most of them are never listened to.
 */
export class Caller extends CallSignalSource implements CallContext {
  /** @param expiresAt Unix ms at which it stops waiting; undefined = it named no deadline. */
  constructor(readonly expiresAt: number | undefined) {
    super();
  }

  get signal(): CallSignal {
    return this;
  }

  /** The caller is gone. Repeating is safe. */
  leave(): void {
    this.abort('the caller is gone');
  }
}
