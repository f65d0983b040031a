/** Nodes of a cluster that die, or are cut off, while coordinators work on them. */
import { status } from '@grpc/grpc-js';
import { expect, jest, test } from '@jest/globals';
import { Fact, TransactionStatus } from '@tercet/proto';
import { afterTest } from '../../../test/support/clean-up';
import { describeWithGalera } from '../../../test/support/servers/local-galera-describe';
import { Coordinator } from '../src/coordinator';
import type { Store } from '../src/store/store';
import { CoordinatorClient } from './support/coordinator-client';
import { eventually } from './support/eventually';
import { Acknowledged, batchesOn, Writer } from './support/galera-writers';
import { GaleraDatabase } from './support/galera-world';
import { commit, registration, wait } from './support/grpc-world';
import { HealthClient } from './support/health-client';
import { RecordingLogger } from './support/recording-logger';
import { ScriptedCaller } from './support/scripted-caller';
import { TcpProxy } from './support/tcp-proxy';

jest.setTimeout(120_000);

/** The others wait five seconds for a node that says nothing, and a busy machine takes its time. */
const ANSWERED_WITHIN_MS = 40_000;

describeWithGalera((cluster) => {
  test('a node that is killed under load loses nothing that was answered, and has everything when it is back', async () => {
    const database = await GaleraDatabase.make(cluster());
    const proxy = new TcpProxy(database.url(2));
    afterTest(() => proxy.stop());
    const moving = database.storeAt(await proxy.listen());
    const stores = [database.store(0), database.store(1), moving];
    for (const [i, store] of stores.entries()) await store.open(`node-${i}`);
    const acknowledged = new Acknowledged();
    const writers = stores.map((store, i) => new Writer(store, `node-${i}`, acknowledged));
    const runs = Promise.all(writers.map((writer) => writer.run()));
    runs.catch(() => undefined);
    /** Every store has written since. */
    const goneOn = async (): Promise<void> => {
      const before = acknowledged.batches.length;
      await Promise.race([
        runs,
        eventually(() => {
          const since = acknowledged.batches.slice(before).map((batch) => batch.slice(0, 6));
          expect(new Set(since).size).toBe(3);
        }, ANSWERED_WITHIN_MS),
      ]);
    };
    await goneOn();
    await cluster().nodes[2].kill();
    proxy.switchTo(database.url(0));
    await goneOn();
    await cluster().heal();
    await goneOn();
    for (const writer of writers) writer.stop();
    await runs;

    for (const node of cluster().nodes) {
      const { whole, half } = await batchesOn(database, node);
      expect(half).toEqual([]);
      expect(acknowledged.batches.filter((batch) => !whole.has(batch))).toEqual([]);
    }
  });

  test('a node that is cut off takes no new work, loses none, and goes on by itself when it is back', async () => {
    const database = await GaleraDatabase.make(cluster());
    const cutOff = cluster().nodes[1];
    const [store, other] = [database.store(1), database.store(1)];
    await other.open('node-1');
    const { client, health, caller } = await aCoordinator(store);
    await client.call('registerBranches', registration());
    const acknowledged = new Acknowledged();
    const writer = new Writer(other, 'node-1', acknowledged, { repeats: false });
    const run = writer.run();
    run.catch(() => undefined);
    await eventually(
      () => expect(acknowledged.batches.length).toBeGreaterThan(20),
      ANSWERED_WITHIN_MS,
    );

    await cutOff.query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'");
    await eventually(
      async () => expect((await cutOff.state()).isReady).toBe(false),
      ANSWERED_WITHIN_MS,
    );
    const late = client.refusal('commit', { ...commit, waitFor: Fact.FACT_SETTLED }, 1_000);
    await eventually(async () => {
      const next = registration({ gid: 'order-2' });
      const refusal = await client.refusal('registerBranches', next, 1_000);
      expect(refusal).toMatchObject({ status: status.UNAVAILABLE, code: 'STORE_UNAVAILABLE' });
    }, ANSWERED_WITHIN_MS);
    await eventually(
      async () => expect(await health.check('')).toBe('NOT_SERVING'),
      ANSWERED_WITHIN_MS,
    );
    expect(await late).toMatchObject({ status: status.DEADLINE_EXCEEDED });
    expect(caller.story).toEqual([]);
    await cutOff.query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'");
    await cluster().heal();

    const settled = { ...wait, waitFor: Fact.FACT_SETTLED, waitMs: 10_000 };
    await eventually(
      async () => expect(await health.check('')).toBe('SERVING'),
      ANSWERED_WITHIN_MS,
    );
    const { transaction } = await client.call('waitTransaction', settled);
    expect(transaction?.status).toBe(TransactionStatus.TRANSACTION_STATUS_CONFIRMED);
    await client.call('registerBranches', registration({ gid: 'order-2' }));
    writer.stop();
    await run;
    const { failures } = acknowledged;
    expect(failures.get('unavailable')).toBeDefined();
    for (const node of cluster().nodes) {
      const { whole, half } = await batchesOn(database, node);
      expect(half).toEqual([]);
      expect(acknowledged.batches.filter((batch) => !whole.has(batch))).toEqual([]);
      // Whatever was not a doubt was not written: the one under way when the node was cut off is one.
      const denied = [...(failures.get('unavailable') ?? []), ...(failures.get('transient') ?? [])];
      expect(denied.filter((batch) => whole.has(batch))).toEqual([]);
    }
  });
});

/** A coordinator on a store, with participants that answer OK. */
async function aCoordinator(
  store: Store,
): Promise<{ client: CoordinatorClient; health: HealthClient; caller: ScriptedCaller }> {
  const caller = new ScriptedCaller();
  const config = {
    grpcAddress: '127.0.0.1:0',
    httpAddress: 'off',
    store: 'memory',
    shutdownGraceMs: 1_000,
  } as const;
  const logger = new RecordingLogger();
  const coordinator = new Coordinator({ config, store, caller, logger });
  afterTest(() => coordinator.stop());
  const { grpcPort } = await coordinator.start();
  const address = `127.0.0.1:${grpcPort}`;
  const [client, health] = [new CoordinatorClient(address), new HealthClient(address)];
  afterTest(() => client.close());
  afterTest(() => health.close());
  return { client, health, caller };
}
