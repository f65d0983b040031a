/** Before all tests of a run. Starts no server: the first test file that needs one does. */
import { Broker } from './broker';
import { removeStaleFolders } from './run-folder';
import { makePlan, publishPlan } from './run-plan';

/** Where the broker waits for global-teardown, which is loaded apart from this file. */
export interface WithBroker {
  tercetTestServers?: Broker;
}

/** Called by jest. */
export default async function globalSetup(): Promise<void> {
  removeStaleFolders();
  const broker = new Broker();
  await broker.listen();
  (globalThis as WithBroker).tercetTestServers = broker;
  publishPlan(await makePlan(broker.socket));
}
