/** The MySQL store on a cluster in which every node takes writes: the contract, and several coordinators at once. */
import { expect, jest, test } from '@jest/globals';
import type { Gid } from '@tercet/core';
import { createConnection } from 'mysql2/promise';
import { afterTest } from '../../../test/support/clean-up';
import { describeWithGalera } from '../../../test/support/servers/local-galera-describe';
import { describeStoreContract } from './store-contract';
import { eventually } from './support/eventually';
import { Acknowledged, batchesOn, sharedOn, workFor, Writer } from './support/galera-writers';
import { GaleraDatabase, galeraStoreAt } from './support/galera-world';
import { open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

/** For how long the same rows are written from all nodes. */
const CONTENTION_MS = 15_000;
/** Rounds of a write on one node and a read on another one. */
const ROUNDS = 100;

describeWithGalera((cluster) => {
  describeStoreContract('mysql', async () => {
    const database = await GaleraDatabase.make(cluster());
    let store = galeraStoreAt(database.url(1), 400);
    await store.open('first');
    return {
      store,
      restart: async (incarnation) => {
        await store.close();
        store = galeraStoreAt(database.url(1), 400);
        await store.open(incarnation);
        return store;
      },
      end: () => store.close(),
    };
  });

  test('coordinators that make the schema on several nodes at the same time all end well', async () => {
    const database = await GaleraDatabase.make(cluster());
    const stores = [database.store(0, 400), database.store(1, 400), database.store(2, 400)];
    await Promise.all(stores.map((store, i) => store.open(`node-${i}`)));
    for (const [i, store] of stores.entries()) {
      expect(await store.write([open(trying(`a-${i}`))])).toEqual([{ kind: 'applied' }]);
    }
    for (const store of stores) {
      const seen = await store.loadMany(['a-0', 'a-1', 'a-2'] as Gid[]);
      expect(seen.map(({ gid }) => gid).sort()).toEqual(['a-0', 'a-1', 'a-2']);
    }
  });

  test('what one node has committed is found at once on every other one', async () => {
    const stores = await (await GaleraDatabase.make(cluster())).stores();
    for (let round = 0; round < ROUNDS; round++) {
      const [writer, reader] = [stores[round % 3], stores[(round + 1 + (round % 2)) % 3]];
      const row = trying(`seen-${round}`);
      await writer?.write([open(row)]);
      // By turns: each of them is the first question after the write.
      const questions = [
        async () => expect(await reader?.facts(row.gid)).toMatchObject({ epoch: 1 }),
        async () => expect(await reader?.load(row.gid)).toMatchObject({ gid: row.gid }),
        async () => expect(await reader?.loadMany([row.gid])).toHaveLength(1),
      ];
      await questions[round % questions.length]?.();
    }
  });

  test('a node that lags answers only after it has caught up', async () => {
    const database = await GaleraDatabase.make(cluster());
    const [ahead, behind] = await database.stores();
    const row = trying('late');
    const brake = await createConnection(database.url(1));
    afterTest(() => brake.end());
    await brake.query('FLUSH TABLES WITH READ LOCK');
    await ahead.write([open(row)]);
    const [plain] = await brake.query("SELECT gid FROM transactions WHERE gid = 'late'");
    const answers = Promise.all([behind.facts(row.gid), behind.load(row.gid)]);
    await eventually(async () => {
      const [waiting] = await brake.query('SHOW FULL PROCESSLIST');
      expect(JSON.stringify(waiting)).toContain('late');
    });
    await brake.query('UNLOCK TABLES');
    expect(plain).toEqual([]);
    expect(await answers).toMatchObject([{ epoch: 1 }, { gid: 'late' }]);
  });

  test('the same rows written from three nodes: what was answered is there, whole, on each', async () => {
    const database = await GaleraDatabase.make(cluster());
    const stores = await database.stores();
    const shared = ['shared-1', 'shared-2'] as Gid[];
    await stores[0].write(shared.map((gid) => open(trying(gid, 1))));
    const conflictsBefore = await conflicts();
    const acknowledged = new Acknowledged();
    const writers = stores.map(
      (store, i) => new Writer(store, `node-${i}`, acknowledged, { shared }),
    );
    await workFor(writers, CONTENTION_MS);

    expect(acknowledged.batches.length).toBeGreaterThan(100);
    expect((await conflicts()) - conflictsBefore).toBeGreaterThan(0);
    for (const node of cluster().nodes) {
      const { whole, half } = await batchesOn(database, node);
      expect(half).toEqual([]);
      expect(acknowledged.batches.filter((batch) => !whole.has(batch))).toEqual([]);
      for (const gid of shared) {
        const { raised, added } = acknowledged.shared.get(gid) ?? { raised: 0, added: 0 };
        expect(raised).toBeGreaterThan(0);
        const after = { epoch: 1 + raised, branches: 1 + added, registered: 1 + added };
        expect(await sharedOn(database, node, gid)).toEqual(after);
      }
    }
  });

  /** Transactions that a node gave up because another node's came first. */
  async function conflicts(): Promise<number> {
    const failed = await cluster().sum('wsrep_local_cert_failures');
    return failed + (await cluster().sum('wsrep_local_bf_aborts'));
  }
});
