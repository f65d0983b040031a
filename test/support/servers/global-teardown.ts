/** After all tests of a run. */
import type { WithBroker } from './global-setup';

/** Called by jest. */
export default async function globalTeardown(): Promise<void> {
  await (globalThis as WithBroker).tercetTestServers?.stop();
}
