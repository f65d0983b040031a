import { describe, jest, test } from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { type StoreFixture, describeStoreContract } from './store-contract';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import { type SqlDatabase, sqlFormats, sqlNodes } from './support/nodes-fixture';
import { ReusedDatabases } from './support/reused-databases';
import { assertTwinNodes } from './support/twin-property';

jest.setTimeout(60_000);

/**
 * How transactions are sent: the same must come of both. The whole contract is kept in blocks on a cluster, where they are
 * used: see galera-store.test.ts.
 */
const forms = [
  ['mysql', {}],
  ['mysql, in blocks', { blocks: true }],
] as const;

describeWith('mariadb', (server) => {
  describe.each(forms)('%s', (name, form) => {
    const database = async (): Promise<SqlDatabase> => {
      const { url } = await freshDatabase(server);
      const hands = await Hands.at(url);
      return {
        store: (scheduler) => mysqlStoreAt(url, scheduler ? { ...form, scheduler } : form),
        run: (statement) => hands.run(statement),
        end: () => hands.end(),
      };
    };
    const extras = {
      formats: async () => await sqlFormats(await database()),
      nodes: async () => await sqlNodes(await database()),
    };

    const databases = new ReusedDatabases({
      make: async () => (await freshDatabase(server)).url,
      run: async (url, statements) => {
        const hands = await Hands.at(url);
        await hands.run(...statements);
        await hands.end();
      },
    });
    const fixture = async (): Promise<StoreFixture> => {
      const url = await databases.take();
      let store = mysqlStoreAt(url, form);
      await store.open('first');
      return {
        store,
        restart: async (incarnation) => {
          await store.close();
          store = mysqlStoreAt(url, form);
          await store.open(incarnation);
          return store;
        },
        end: async () => {
          await store.close();
          await databases.giveBack(url);
        },
      };
    };

    if (name === 'mysql') describeStoreContract(name, fixture, extras);

    test('answers and holds what its twin in memory does', async () => {
      const { url } = await freshDatabase(server);
      await assertTwinNodes(() => mysqlStoreAt(url, form), 80);
    });
  });
});
