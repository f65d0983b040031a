/** What rests on the layout of rows: numbers of registrations, and the owner in the text of statements. */
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { openDatabase } from '../src/store/sqlite/driver';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import { sql } from '../src/store/sqlite/statements';
import { useTempDirectories } from './support/temp-directory';
import { confirming, decide, fence, open, trying } from './support/transaction-moves';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();

async function withStore(
  work: (store: SqliteStore) => Promise<void>,
  { directory = tempDirectory(), owner = 'first' } = {},
): Promise<void> {
  const store = new SqliteStore({ directory });
  await store.open(owner);
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

describe('the rows of the sqlite store', () => {
  it('finds the branches of a transaction by keys alone, however they were registered', async () => {
    const directory = tempDirectory();
    await withStore(async () => undefined, { directory });
    const db = openDatabase(join(directory, 'tercet.db'));
    try {
      for (const name of ['loadRegistrations', 'loadSpecs'] as const) {
        const plan = db
          .prepare(`EXPLAIN QUERY PLAN ${sql[name]}`)
          .all()
          .map((row) => (row as { detail: string }).detail)
          .join('\n');
        expect(plan).toContain('SEARCH registrations USING INTEGER PRIMARY KEY');
        expect(plan).toContain('SEARCH registrations USING INDEX registrations_later (gid=?)');
        expect(plan).not.toContain('SCAN registrations');
      }
    } finally {
      db.close();
    }
  });

  it('writes as an incarnation of any name', async () => {
    const owner = "it's ? :owner: ?1 \\ --";
    await withStore(
      async (store) => {
        const row = trying('a');
        expect(await store.write([open(row), decide(confirming(row))])).toHaveLength(2);
        const facts = { owner, epoch: 2, runId: row.runId, status: 'confirming', branches: 2 };
        expect(await store.write([fence(row)])).toEqual([{ kind: 'applied', row: facts }]);
        expect(await store.loadOwned(row.gid)).toEqual({ ...confirming(row), epoch: 2 });
      },
      { owner },
    );
  });

  it('numbers registrations on from the last one after a restart', async () => {
    const directory = tempDirectory();
    const rows = ['a', 'b', 'c'].map((gid) => trying(gid, 1));
    for (const row of rows) {
      await withStore(async (store) => void (await store.write([open(row)])), { directory });
    }
    await withStore(
      async (store) => {
        for (const row of rows) expect(await store.load(row.gid)).toEqual(row);
      },
      { directory },
    );
  });
});
