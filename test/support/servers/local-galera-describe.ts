/**
 * `describeWithGalera((cluster) => { … })`: tests on a cluster of three nodes of their own, which they may kill. Where none
 * can be had they are skipped and the reasons are printed; with TERCET_REQUIRE_SERVERS=1 they fail instead.
 */
import { afterAll, beforeAll } from '@jest/globals';
import { describeFate, fateOfMissing } from './describe-with';
import { GaleraCluster } from './local-galera';
import { missingForGalera } from './local-galera-programs';

/** With every attempt. */
const startMsMax = 200_000;

/** The body asks for the cluster in hooks and tests, never before. */
export function describeWithGalera(body: (cluster: () => GaleraCluster) => void): void {
  const missing = missingForGalera();
  const reasons = missing.length === 0 ? undefined : [`not installed: ${missing.join(', ')}`];
  const fate = fateOfMissing('galera', reasons, process.env['TERCET_REQUIRE_SERVERS']);
  let running: GaleraCluster | undefined;
  const cluster = (): GaleraCluster => {
    if (running === undefined) throw new Error('the cluster is not started yet');
    return running;
  };
  describeFate('galera', fate, () => {
    beforeAll(async () => {
      running = await GaleraCluster.start();
    }, startMsMax);
    body(cluster);
    // Registered last: whatever the tests opened is closed by now.
    afterAll(() => running?.stop());
  });
}
