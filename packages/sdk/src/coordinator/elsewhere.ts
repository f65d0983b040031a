/** Answers of one coordinator after which another one on the same store may do better. */
import type { TercetError } from '@tercet/core';

/**
 * Whether a coordinator that answers like this should be left, where there are others: it cannot reach the store that they
 * share or does not know the version of a row, it was taken for dead and begins anew, or it stops. A transaction that has
 * merely moved is no reason: whoever is asked next takes it over.
 */
export function maySucceedElsewhere({ code, details }: TercetError): boolean {
  if (code === 'MOVED') return details['reason'] === 'removed';
  return code === 'STORE_UNAVAILABLE' || code === 'SHUTTING_DOWN';
}
