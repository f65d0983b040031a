import { MemoryStore } from '../src/store/memory-store';
import { type StoreFixture, describeStoreContract } from './store-contract';
import { memoryFormats, memoryNodes } from './support/nodes-fixture';

const extras = { formats: memoryFormats, nodes: memoryNodes };

const fixture = async (): Promise<StoreFixture> => {
  const store = new MemoryStore();
  await store.open('first');
  return {
    store,
    restart: async (incarnation) => {
      await store.close();
      await store.open(incarnation);
      return store;
    },
    end: () => store.close(),
  };
};

describeStoreContract('memory', fixture, extras);
