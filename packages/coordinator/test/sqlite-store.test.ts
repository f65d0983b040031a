import { jest } from '@jest/globals';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { describeStoreContract } from './store-contract';
import { useTempDirectories } from './support/temp-directory';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();

describeStoreContract('sqlite', async () => {
  const directory = tempDirectory();
  let store = new SqliteStore({ directory });
  await store.open('first');
  return {
    store,
    restart: async (incarnation) => {
      await store.close();
      store = new SqliteStore({ directory });
      await store.open(incarnation);
      return store;
    },
    end: () => store.close(),
  };
});
