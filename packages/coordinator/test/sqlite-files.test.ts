/** What only a store of files can meet: settings, full disks, foreign files, other versions, dead threads. */
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { type Database, openDatabase } from '../src/store/sqlite/driver';
import { sql } from '../src/store/sqlite/statements';
import { SqliteStore, type WorkerProbe } from '../src/store/sqlite/sqlite-store';
import { useTempDirectories } from './support/temp-directory';
import { confirming, decide, fence, finished, open, trying } from './support/transaction-moves';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();

interface Probed {
  readonly store: SqliteStore;
  /** Probes of the workers so far, latest last. */
  readonly probes: WorkerProbe[];
  readonly pragma: (text: string) => Promise<readonly unknown[]>;
}

async function withStore(
  work: (probed: Probed) => Promise<void>,
  directory = tempDirectory(),
): Promise<void> {
  const probes: WorkerProbe[] = [];
  const store = new SqliteStore({
    directory,
    hooks: { onWorker: (probe) => void probes.push(probe) },
  });
  await store.open('first');
  try {
    await work({
      store,
      probes,
      pragma: async (text) => (await probes.at(-1)?.pragma(text)) ?? [],
    });
  } finally {
    await store.close();
  }
}

/** Opens the data file beside the store, as an operator's tool does. */
async function beside(
  directory: string,
  work: (db: Database) => Promise<void> | void,
): Promise<void> {
  const db = openDatabase(join(directory, 'tercet.db'));
  try {
    await work(db);
  } finally {
    db.close();
  }
}

describe('the data directory', () => {
  const refusalOf = async (directory: string): Promise<unknown> => {
    const store = new SqliteStore({ directory });
    try {
      await store.open('first');
    } catch (error) {
      return error;
    } finally {
      await store.close();
    }
    throw new Error('it was opened');
  };

  it('is made with its parents, for its owner alone', async () => {
    const directory = join(tempDirectory(), 'a', 'b');
    await withStore(() => Promise.resolve(), directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('that is a file, or cannot be made, is a wrong setting, said in words', async () => {
    const file = join(tempDirectory(), 'file');
    writeFileSync(file, '');
    expect(await refusalOf(file)).toMatchObject({
      code: 'CONFIG_INVALID',
      message: `the data directory ${file} cannot be used: it is a file`,
    });
    expect(await refusalOf(join(file, 'below'))).toMatchObject({ code: 'CONFIG_INVALID' });
    // Node 20's recursive mkdir never returns here.
    expect(await refusalOf('/proc/tercet')).toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('settings of the sqlite store', () => {
  it('syncs the log at every commit: WAL, FULL, fullfsync (S1)', async () => {
    await withStore(async ({ pragma }) => {
      expect(await pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
      expect(await pragma('synchronous')).toEqual([{ synchronous: 2 }]);
      expect(await pragma('fullfsync')).toEqual([{ fullfsync: 1 }]);
      expect(await pragma('checkpoint_fullfsync')).toEqual([{ checkpoint_fullfsync: 1 }]);
    });
  });

  it('waits for a lock no longer than a stop can: opening and claiming alone are patient', async () => {
    await withStore(async ({ store, pragma }) => {
      expect(await pragma('busy_timeout')).toEqual([{ timeout: 200 }]);
      await store.claim(1);
      expect(await pragma('busy_timeout')).toEqual([{ timeout: 200 }]);
    });
  });

  it('creates its directory for its user alone', async () => {
    const directory = join(tempDirectory(), 'a', 'data');
    await withStore(async () => undefined, directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('has exactly the expected schema; a change needs a migration and this file', async () => {
    const directory = tempDirectory();
    await withStore(async () => undefined, directory);
    await beside(directory, (db) => {
      const rows = db
        .prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name')
        .all();
      const schema = rows.map((row) => `${(row as { sql: string }).sql};\n`).join('\n');
      expect(schema).toBe(readFileSync(join(__dirname, 'sqlite-schema.golden.sql'), 'utf8'));
    });
  });

  it('reaches finished transactions through an index in the order of lists, and open ones through theirs', async () => {
    const directory = tempDirectory();
    await withStore(async () => undefined, directory);
    const plan = (db: Database, sql: string): string =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => (row as { detail: string }).detail)
        .join('\n');
    await beside(directory, (db) => {
      const finished = plan(
        db,
        'SELECT name FROM transactions WHERE finished_at IS NOT NULL AND (finished_at, gid) < (1, 2)' +
          ' ORDER BY finished_at DESC, gid DESC LIMIT 9',
      );
      expect(finished).toContain('transactions_finished');
      expect(finished).not.toContain('TEMP B-TREE');
      const others = plan(
        db,
        'SELECT gid FROM transactions WHERE open_owner IS NOT NULL AND open_owner < 1',
      );
      expect(others).toContain('transactions_open');
    });
  });

  it('answers what is due from the index of open work alone, already in order, however much is finished', async () => {
    const directory = tempDirectory();
    await withStore(async ({ store }) => {
      const planOf = (db: Database): readonly string[] =>
        db
          .prepare(`EXPLAIN QUERY PLAN ${sql.due}`)
          .all()
          .map((row) => (row as { detail: string }).detail);
      // One step, both bounds in it, neither rows nor a sort besides.
      const expected = [
        expect.stringMatching(
          /^SEARCH transactions USING COVERING INDEX transactions_open \(open_owner=\? AND .*next_at.*>.* AND next_at<\?\)$/,
        ),
      ];
      await beside(directory, (db) => expect(planOf(db)).toEqual(expected));
      const gids = Array.from({ length: 2_000 }, (_, i) => `plan-${i}`);
      await store.write(gids.map((gid) => open(trying(gid, 0))));
      const ended = gids.slice(0, -5).map((gid) => finished(confirming(trying(gid, 0))));
      await store.write(ended.map((tx) => decide(tx)));
      await beside(directory, (db) => {
        db.exec('ANALYZE');
        expect(planOf(db)).toEqual(expected);
      });
    }, directory);
  });

  it('lets others read the data file while it is open', async () => {
    const directory = tempDirectory();
    await withStore(async ({ store }) => {
      await store.write([open(trying('seen'))]);
      await beside(directory, (db) => {
        expect(db.prepare('SELECT gid, status FROM transactions').all()).toMatchObject([
          { gid: 'seen', status: 'trying' },
        ]);
      });
    }, directory);
  });
});

describe('a sqlite store that cannot write', () => {
  it('says unavailable while the disk is full, keeps what was written, and recovers (S4)', async () => {
    await withStore(async ({ store, pragma }) => {
      // More than the pages that migrations left free take.
      const rows = Array.from({ length: 100 }, (_, i) => open(trying(`before-${i}`)));
      await store.write([open(trying('before')), ...rows]);
      expect(await pragma('freelist_count')).toEqual([{ freelist_count: 0 }]);
      const [{ page_count: pages } = { page_count: 0 }] = (await pragma('page_count')) as {
        page_count: number;
      }[];
      await pragma(`max_page_count = ${pages}`);
      const batch = Array.from({ length: 200 }, (_, i) => open(trying(`full-${i}`)));
      await expect(store.write(batch)).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(store.probe()).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await store.load(trying('full-0').gid)).toBeUndefined();
      expect(await store.load(trying('before').gid)).toEqual(trying('before'));

      await pragma('max_page_count = 1000000');
      await store.probe();
      expect(await store.write(batch)).toEqual(batch.map(() => ({ kind: 'applied' })));
    });
  });

  it('says unavailable while it is read-only, and recovers (S4)', async () => {
    await withStore(async ({ store, pragma }) => {
      await pragma('query_only = 1');
      await expect(store.write([open(trying('a'))])).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(store.probe()).rejects.toMatchObject({ kind: 'unavailable' });
      await pragma('query_only = 0');
      expect(await store.write([open(trying('a'))])).toEqual([{ kind: 'applied' }]);
    });
  });

  it('says transient while another process holds the file’s lock (S4)', async () => {
    const directory = tempDirectory();
    await withStore(async ({ store, pragma }) => {
      await pragma('busy_timeout = 0');
      await beside(directory, async (db) => {
        db.exec('BEGIN IMMEDIATE');
        await expect(store.write([open(trying('a'))])).rejects.toMatchObject({ kind: 'transient' });
        db.exec('ROLLBACK');
      });
      expect(await store.write([open(trying('a'))])).toEqual([{ kind: 'applied' }]);
    }, directory);
  });

  it('takes values that no thread can be sent for data (S4)', async () => {
    await withStore(async ({ store }) => {
      const name = (() => 'a function') as never;
      await expect(store.write([open(trying('a', 1, { name }))])).rejects.toMatchObject({
        kind: 'data',
      });
    });
  });
});

describe('opening a sqlite store', () => {
  const prepared = (): { directory: string; file: string; store: SqliteStore } => {
    const directory = tempDirectory();
    mkdirSync(directory, { recursive: true });
    return { directory, file: join(directory, 'tercet.db'), store: new SqliteStore({ directory }) };
  };

  it('refuses a file that is no database, and names it', async () => {
    const { file, store } = prepared();
    writeFileSync(file, 'no database at all '.repeat(1_000));
    await expect(store.open('me')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(file),
    });
  });

  it('refuses a damaged database', async () => {
    const { directory, file, store } = prepared();
    await withStore(async () => undefined, directory);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xa5, 100, 4_096));
    await expect(store.open('me')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses a schema of which it is no reader, and leaves it as it is', async () => {
    const { directory, store } = prepared();
    await withStore(async () => undefined, directory);
    await beside(directory, (db) =>
      db.exec('UPDATE schema_version SET version = 9, min_reader = 9'),
    );
    await expect(store.open('me')).rejects.toMatchObject({ code: 'STORE_INCOMPATIBLE' });
    await beside(directory, (db) => {
      expect(db.prepare('SELECT version FROM schema_version').all()).toMatchObject([
        { version: 9 },
      ]);
    });
  });

  it('opens a newer schema that still suits it', async () => {
    const { directory, store } = prepared();
    await withStore(async () => undefined, directory);
    await beside(directory, (db) => db.exec('UPDATE schema_version SET version = 9'));
    await store.open('me');
    await store.close();
  });

  it('neither claims nor reads a transaction of a newer format', async () => {
    const { directory, store } = prepared();
    await withStore(({ store: former }) => former.write([open(trying('new'))]).then(), directory);
    await beside(directory, (db) => db.exec('UPDATE transactions SET format = 2'));
    await store.open('me');
    expect(await store.claim(10)).toEqual([]);
    await expect(store.load(trying('new').gid)).rejects.toMatchObject({ kind: 'unavailable' });
    await store.close();
  });

  it('says what stands in the way of its directory', async () => {
    const file = join(tempDirectory(), 'file');
    writeFileSync(file, '');
    const store = new SqliteStore({ directory: file });
    await expect(store.open('me')).rejects.toThrow(file);
  });

  it('can be tried again after a failure', async () => {
    const { directory, store } = prepared();
    await withStore(async () => {
      await expect(store.open('me')).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    }, directory);
    await store.open('me');
    await store.close();
  });

  it('ignores what a crash left of the lock file', async () => {
    const { directory, store } = prepared();
    appendFileSync(join(directory, 'lock.db'), '');
    writeFileSync(join(directory, 'lock.db-journal'), '');
    await store.open('me');
    await store.close();
  });
});

describe('the worker of a sqlite store', () => {
  it('is replaced when it dies; the store goes on as the same incarnation (I5)', async () => {
    await withStore(async ({ store, probes }) => {
      await store.write([open(trying('a'))]);
      await probes.at(-1)?.kill();
      expect(await store.write([decide(confirming(trying('a')))])).toEqual([{ kind: 'applied' }]);
      expect(await store.load(trying('a').gid)).toEqual(confirming(trying('a')));
      expect(probes).toHaveLength(2);
    });
  });

  it('leaves everything under way in doubt when it dies, and a fence resolves it (S4)', async () => {
    const directory = tempDirectory();
    await withStore(async ({ store, probes, pragma }) => {
      await store.write([open(trying('a'))]);
      await pragma('busy_timeout = 200');
      await beside(directory, async (db) => {
        // Holds the worker inside BEGIN, so that it surely dies with the batch under way.
        db.exec('BEGIN IMMEDIATE');
        const outcomes = Promise.allSettled([
          store.write([decide(confirming(trying('a')))]),
          store.load(trying('a').gid),
        ]);
        await probes.at(-1)?.kill();
        expect(await outcomes).toMatchObject([
          { reason: { kind: 'unknown' } },
          { reason: { kind: 'unknown' } },
        ]);
        db.exec('ROLLBACK');
      });
      const [answer] = await store.write([fence(trying('a'))]);
      expect(answer).toMatchObject({
        kind: 'applied',
        row: { status: 'trying', epoch: 2, owner: 'first' },
      });
    }, directory);
  });

  it('does not come back while another process holds the lock, and does when it is free', async () => {
    const directory = tempDirectory();
    await withStore(async ({ store, probes }) => {
      await probes.at(-1)?.kill();
      const other = new SqliteStore({ directory });
      await other.open('other');
      await expect(store.write([open(trying('a'))])).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(store.load(trying('a').gid)).rejects.toMatchObject({ kind: 'unavailable' });
      await other.close();
      expect(await store.write([open(trying('a'))])).toEqual([{ kind: 'applied' }]);
    }, directory);
  });

  it('finishes what is under way before it closes', async () => {
    const directory = tempDirectory();
    const store = new SqliteStore({ directory });
    await store.open('first');
    const writes = Array.from({ length: 5 }, (_, i) => store.write([open(trying(`last-${i}`))]));
    await Promise.all([store.close(), ...writes]);
    await withStore(async ({ store: next }) => {
      expect(await next.load(trying('last-4').gid)).toEqual(trying('last-4'));
    }, directory);
  });
});
