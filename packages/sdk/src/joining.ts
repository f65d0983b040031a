/** What a client lends to participants, so that `ctx.use` can register and call nested branches. Not exported. */
import type { RunDeps } from './run/run-env';

/** Ports of a client, and its knowledge of what is under way. */
export interface Joining {
  readonly deps: RunDeps;
  /** Runs `work`, so that `close` waits for it. Rejects with CALL_CANCELLED once the client closes. */
  track<T>(work: () => Promise<T>): Promise<T>;
}

/** Where a client keeps it: out of sight of users. */
export const joining: unique symbol = Symbol('tercet.joining');

/** What the client lends; undefined where it was not made by `createTercet`. */
export function joiningOf(client: object): Joining | undefined {
  return (client as { readonly [joining]?: Joining })[joining];
}
