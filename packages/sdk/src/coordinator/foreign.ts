/** Servers that answer at the coordinator's address and are none. */
import { TercetError } from '@tercet/core';

const key = 'not_a_coordinator';

/** The error for such an answer; `said` is the server's status. */
export function foreignAnswer(address: string, said: string): TercetError {
  return new TercetError('COORDINATOR_UNAVAILABLE', {
    message: `${address} answers, but is not a Tercet coordinator (${said})`,
    details: { [key]: address },
  });
}

/** Whether an error is that: unlike a coordinator that is away, it does not pass by itself. */
export function isForeign(error: TercetError): boolean {
  return error.details[key] !== undefined;
}
