import { jest, test } from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { MemoryStore } from '../src/store/memory-store';
import { describeStoreContract } from './store-contract';
import { mysqlStoreAt } from './support/mysql-world';
import { assertTwins } from './support/twin-property';

jest.setTimeout(60_000);

describeWith('mariadb', (server) => {
  describeStoreContract('mysql', async () => {
    const { url } = await freshDatabase(server);
    let store = mysqlStoreAt(url);
    await store.open('first');
    return {
      store,
      restart: async (incarnation) => {
        await store.close();
        store = mysqlStoreAt(url);
        await store.open(incarnation);
        return store;
      },
      end: () => store.close(),
    };
  });

  test('answers and holds what its twin in memory does', async () => {
    const { url } = await freshDatabase(server);
    const [memory, store] = [new MemoryStore(), mysqlStoreAt(url)];
    await memory.open('me');
    await store.open('me');
    await assertTwins(memory, store, 300);
    await store.close();
  });
});
