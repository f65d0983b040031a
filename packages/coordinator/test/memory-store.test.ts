import { MemoryStore } from '../src/store/memory-store';
import { describeStoreContract } from './store-contract';

describeStoreContract('memory', async () => {
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
});
