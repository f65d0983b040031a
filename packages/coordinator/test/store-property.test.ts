/** The SQLite store answers and holds what its twin in memory does. */
import { afterAll, beforeAll, describe, it, jest } from '@jest/globals';
import { MemoryStore } from '../src/store/memory-store';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { useTempDirectories } from './support/temp-directory';
import { assertTwins } from './support/twin-property';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();

describe('the memory store and the sqlite store', () => {
  const memory = new MemoryStore();
  let sqlite: SqliteStore;

  beforeAll(async () => {
    sqlite = new SqliteStore({ directory: tempDirectory() });
    await memory.open('me');
    await sqlite.open('me');
  });
  afterAll(async () => {
    await memory.close();
    await sqlite.close();
  });

  it('answer the same and hold the same after any sequence of batches (S1–S5)', async () => {
    await assertTwins(memory, sqlite, 300);
  });
});
