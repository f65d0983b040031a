import { jest, test } from '@jest/globals';
import { Client } from 'pg';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { type StoreFixture, describeStoreContract } from './store-contract';
import { type SqlDatabase, sqlFormats, sqlNodes } from './support/nodes-fixture';
import { PostgresWorld, storeAt } from './support/postgres-world';
import { ReusedDatabases } from './support/reused-databases';
import { assertTwinNodes } from './support/twin-property';

jest.setTimeout(60_000);

describeWith('postgres', (server) => {
  const database = async (): Promise<SqlDatabase> => {
    const world = await PostgresWorld.on(server);
    const client = await world.client();
    return {
      store: (scheduler) => storeAt(world.url, scheduler && { scheduler }),
      run: (statement) => client.query(statement),
      end: () => world.end(),
    };
  };
  const extras = {
    formats: async () => await sqlFormats(await database()),
    nodes: async () => await sqlNodes(await database()),
  };

  const databases = new ReusedDatabases({
    make: async () => (await freshDatabase(server)).url,
    run: async (url, statements) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query(statements.join(';'));
      await client.end();
    },
  });
  const fixture = async (): Promise<StoreFixture> => {
    const url = await databases.take();
    let store = storeAt(url);
    await store.open('first');
    return {
      store,
      restart: async (incarnation: string) => {
        await store.close();
        store = storeAt(url);
        await store.open(incarnation);
        return store;
      },
      end: async () => {
        await store.close();
        await databases.giveBack(url);
      },
    };
  };

  describeStoreContract('postgres', fixture, extras);

  test('answers and holds what its twin in memory does', async () => {
    const { url } = await freshDatabase(server);
    await assertTwinNodes(() => storeAt(url), 80);
  });
});
