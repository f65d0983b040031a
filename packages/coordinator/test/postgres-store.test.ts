import { jest } from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { describeStoreContract } from './store-contract';
import { storeAt } from './support/postgres-world';

jest.setTimeout(60_000);

describeWith('postgres', (server) => {
  describeStoreContract('postgres', async () => {
    const { url } = await freshDatabase(server);
    let store = storeAt(url);
    await store.open('first');
    return {
      store,
      restart: async (incarnation) => {
        await store.close();
        store = storeAt(url);
        await store.open(incarnation);
        return store;
      },
      end: () => store.close(),
    };
  });
});
