import { join } from 'node:path';
import { jest } from '@jest/globals';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { openDatabase } from '../src/store/sqlite/driver';
import { type FormatsFixture, type StoreFixture, describeStoreContract } from './store-contract';
import { useTempDirectories } from './support/temp-directory';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();

/** A store whose rows' format somebody else changes in the file. */
const formats = async (): Promise<FormatsFixture> => {
  const directory = tempDirectory();
  return {
    ...(await fixture(directory)),
    setFormat: async (gid, format) => {
      const db = openDatabase(join(directory, 'tercet.db'));
      db.prepare('UPDATE transactions SET format = ? WHERE gid = ?').run(format, gid);
      db.close();
    },
  };
};

describeStoreContract('sqlite', () => fixture(tempDirectory()), { formats });

async function fixture(directory: string): Promise<StoreFixture> {
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
}
