/** Whole stores that go somewhere or come back: backup, restore, copy and quarantine, on files and on servers. */
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { type GlobalTransaction, isFinished, newGid, restored } from '@tercet/core';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { backupStore } from '../src/store-backup';
import { copyStore } from '../src/store-copy';
import { loadWhole, summaries } from '../src/store/moves/reading';
import { quarantineStore, storeWords } from '../src/store-quarantine';
import { restoreStore } from '../src/store-restore';
import { machinePorts, storeSettings } from '../src/store-settings';
import { digestOf, operationsOf } from '../src/store/moves/whole';
import { storeOf } from '../src/store-of';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import type { Store } from '../src/store/store';
import { oneOfEach, tombstone } from './support/one-of-each';
import { useTempDirectories } from './support/temp-directory';
import { open, progress, trying, attempted, confirming, decide } from './support/transaction-moves';

jest.setTimeout(120_000);

const tempDirectory = useTempDirectories();
const result = Uint8Array.of(1, 2, 3);

function optionsFor(store: string) {
  return { flags: { store, 'unsafe-store': 'true', 'node-ttl': '1s' }, env: {} };
}

async function withStore<T>(store: string, work: (store: Store) => Promise<T>): Promise<T> {
  const opened = storeOf(await storeSettings(optionsFor(store)), machinePorts);
  await opened.open(`test-${newGid(machinePorts.clock, machinePorts.random)}`);
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

async function fill(store: Store, all: readonly GlobalTransaction[]): Promise<void> {
  await store.importTombstones(all.filter((tx) => tx.tombstone !== undefined));
  for (const tx of all.filter((one) => one.tombstone === undefined)) {
    await store.write(operationsOf({ tx, result }));
  }
}

const everything: readonly GlobalTransaction[] = [
  ...oneOfEach('tx'),
  tombstone('gone-1'),
  tombstone('gone-2', 'b'.repeat(64)),
];

async function aSource(all: readonly GlobalTransaction[] = everything): Promise<string> {
  const directory = tempDirectory();
  await withStore(`sqlite:${directory}`, (store) => fill(store, all));
  return directory;
}

async function digests(store: Store): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const page of summaries(store)) {
    for (const whole of await loadWhole(
      store,
      page.map(({ gid }) => gid),
    )) {
      if (whole !== undefined) found.push(digestOf(whole));
    }
  }
  return found.sort();
}

function digestsOf(all: readonly GlobalTransaction[]): readonly string[] {
  const whole = all.map((tx) => {
    const kept = tx.cause?.kind === 'commit' && tx.tombstone === undefined;
    return digestOf({ tx, result: kept ? result : undefined });
  });
  return whole.sort();
}

const unfinished = everything.filter(({ status }) => !isFinished(status)).length;

describe('a backup', () => {
  it('is taken beside whoever works on the store, and holds what was acknowledged', async () => {
    const directory = await aSource();
    const file = join(tempDirectory(), 'backup.db');
    const done = await withStore(`sqlite:${directory}`, async (store) => {
      await store.write([open(trying('late'))]);
      return await backupStore({ ...optionsFor(`sqlite:${directory}`), to: file });
    });
    const transactions = everything.length + 1;
    expect(done).toEqual({
      store: `sqlite in ${directory}`,
      file,
      bytes: statSync(file).size,
      transactions,
      unfinished: unfinished + 1,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['backup.db']);
  });

  it('never replaces a file, and is made of files only', async () => {
    const directory = await aSource([]);
    const file = join(tempDirectory(), 'there');
    writeFileSync(file, 'mine');
    await expect(
      backupStore({ ...optionsFor(`sqlite:${directory}`), to: file }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('exists') });
    expect(statSync(file).size).toBe(4);
    const nowhere = backupStore({ ...optionsFor(`sqlite:${directory}`), to: '/no/such/folder/b' });
    await expect(nowhere).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const away = backupStore({ ...optionsFor('sqlite:/no/such'), to: join(tempDirectory(), 'b') });
    await expect(away).rejects.toMatchObject({ message: 'there is no store in /no/such' });
    const server = backupStore({ ...optionsFor('mysql://me@db/tercet'), to: '/tmp/never' });
    await expect(server).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('tercet store quarantine'),
    });
  });
});

describe('what is no backup', () => {
  async function refusalOf(from: string): Promise<unknown> {
    const target = join(tempDirectory(), 'new');
    const error: unknown = await restoreStore({
      ...optionsFor(`sqlite:${target}`),
      from,
    }).catch((reason: unknown) => reason);
    expect(existsSync(target)).toBe(false);
    return error;
  }

  it('is refused, and no store is made', async () => {
    const text = join(tempDirectory(), 'text');
    writeFileSync(text, 'x'.repeat(5_000));
    for (const from of ['/no/such/file', text]) {
      expect(await refusalOf(from)).toMatchObject({ code: 'STORE_CORRUPT' });
    }
  });

  it('is a file of a running store: a part of it stands in its log', async () => {
    const directory = await aSource([]);
    const error = await withStore(`sqlite:${directory}`, async (store) => {
      await store.write([open(trying('a'))]);
      return await refusalOf(join(directory, 'tercet.db'));
    });
    expect(error).toMatchObject({ message: expect.stringContaining('tercet store backup') });
  });
});

describe('a quarantine of files', () => {
  it('parks in place what was put back by a copy, and may be repeated', async () => {
    const directory = await aSource();
    const copy = tempDirectory();
    copyFileSync(join(directory, 'tercet.db'), join(copy, 'tercet.db'));
    const store = `sqlite:${copy}`;
    const parked = everything.filter((tx) => restored(tx) !== tx && !isFinished(tx.status)).length;
    expect(await quarantineStore({ ...optionsFor(store), dryRun: true })).toMatchObject({
      unfinished,
      parked,
    });
    expect(await withStore(store, digests)).toEqual(digestsOf(everything));
    expect(await quarantineStore({ ...optionsFor(store), dryRun: false })).toEqual({
      store: `sqlite in ${copy}`,
      dryRun: false,
      unfinished,
      parked,
    });
    expect(await withStore(store, digests)).toEqual(digestsOf(everything.map(restored)));
    expect(await quarantineStore({ ...optionsFor(store), dryRun: false })).toMatchObject({
      unfinished,
      parked: 0,
    });
  });

  it('is refused beside whoever works on the store, and where there is none', async () => {
    const directory = await aSource();
    const store = new SqliteStore({ directory });
    await store.open('alive');
    const refused = quarantineStore({ ...optionsFor(`sqlite:${directory}`), dryRun: false });
    await expect(refused).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    await store.close();
    const nothing = tempDirectory();
    const mistyped = quarantineStore({ ...optionsFor(`sqlite:${nothing}/x`), dryRun: false });
    await expect(mistyped).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(existsSync(`${nothing}/x`)).toBe(false);
  });
});

it('the words that confirm a store hold no password', async () => {
  expect(await storeWords(optionsFor('mysql://me:secret@db/tercet'))).toBe('mysql://me@db/tercet');
  expect(await storeWords(optionsFor('sqlite:here'))).toBe('sqlite:here');
});

/** What holds whatever kind of store it goes to. */
function describeTarget(fresh: () => Promise<string>): void {
  it('a backup comes back whole, and everything unfinished parked', async () => {
    const file = join(tempDirectory(), 'backup.db');
    await backupStore({ ...optionsFor(`sqlite:${await aSource()}`), to: file });
    const target = await fresh();
    const done = await restoreStore({ ...optionsFor(target), from: file });
    expect(done).toMatchObject({ transactions: everything.length, unfinished, tombstones: 2 });
    expect(await withStore(target, digests)).toEqual(digestsOf(everything.map(restored)));
    const claimed = await withStore(target, (store) => store.claim(100));
    expect(claimed.every((tx) => restored(tx) === tx)).toBe(true);
    expect(claimed).toHaveLength(unfinished);
    const again = restoreStore({ ...optionsFor(target), from: file });
    await expect(again).rejects.toMatchObject({ code: 'STORE_NOT_EMPTY' });
  });

  it('a copy is the same, whatever number of starts it took', async () => {
    const many = Array.from({ length: 230 }, (_, i) => trying(`many-${i}`, 1));
    const all = [...everything, ...many];
    const from = `sqlite:${await aSource(all)}`;
    const target = await fresh();
    const options = { ...optionsFor(target), from };
    const cutOff = copyStore({
      ...options,
      onProgress: () => {
        throw new Error('somebody pressed Ctrl-C');
      },
    });
    await expect(cutOff).rejects.toThrow('Ctrl-C');
    const steps: string[] = [];
    const done = await copyStore({
      ...options,
      onProgress: ({ step, done: count, of }) => void steps.push(`${step} ${count}/${of}`),
    });
    const counts = { transactions: all.length, unfinished: unfinished + 230, tombstones: 2 };
    expect(done).toMatchObject(counts);
    expect(steps).toContain(`writing ${all.length}/${all.length}`);
    expect(steps).toContain(`checking ${all.length}/${all.length}`);
    expect(await withStore(target, digests)).toEqual(digestsOf(all));
    expect(await withStore(from, digests)).toEqual(digestsOf(all));
    expect(await copyStore(options)).toEqual(done);
  });

  it('a copy goes nowhere where something else is kept', async () => {
    const from = `sqlite:${await aSource()}`;
    const target = await fresh();
    await withStore(target, (store) => store.write([open(trying('foreign'))]));
    const refused = copyStore({ ...optionsFor(target), from });
    await expect(refused).rejects.toMatchObject({
      code: 'STORE_NOT_EMPTY',
      message: expect.stringContaining('foreign'),
    });
    expect(await withStore(target, digests)).toHaveLength(1);
  });

  it('a copy stops where the target was worked on since it was cut off', async () => {
    const row = trying('a');
    const from = `sqlite:${await aSource([row])}`;
    const target = await fresh();
    await copyStore({ ...optionsFor(target), from });
    await withStore(target, async (store) => {
      const [tx] = await store.claim(1);
      const decided = confirming(tx ?? row);
      await store.write([decide(decided)]);
      await store.write([progress(attempted(decided, '1'))]);
    });
    const refused = copyStore({ ...optionsFor(target), from });
    await expect(refused).rejects.toMatchObject({ code: 'STORE_NOT_EMPTY' });
  });

  it('neither is done beside a coordinator', async () => {
    const from = `sqlite:${await aSource()}`;
    const target = await fresh();
    await withStore(target, async () => {
      const refused = copyStore({ ...optionsFor(target), from });
      await expect(refused).rejects.toMatchObject({ code: 'STORE_IN_USE' });
    });
  });
}

describe('into files', () => {
  describeTarget(async () => `sqlite:${join(tempDirectory(), 'new')}`);
});

describe.each(['mariadb', 'postgres'] as const)('into a server', (kind) => {
  describeWith(kind, (server) => {
    const fresh = async (): Promise<string> => (await freshDatabase(server)).url;
    describeTarget(fresh);

    it('and from there to files again', async () => {
      const from = await fresh();
      await withStore(from, (store) => fill(store, everything));
      const target = `sqlite:${join(tempDirectory(), 'new')}`;
      await copyStore({ ...optionsFor(target), from });
      expect(await withStore(target, digests)).toEqual(digestsOf(everything));
    });

    it('a quarantine parks what nodes of the former life own, and removes them', async () => {
      const url = await fresh();
      await withStore(url, (store) => fill(store, everything));
      // As a dump holds it: the node's row, whose process is elsewhere.
      const ghost = storeOf(await storeSettings(optionsFor(url)), {
        ...machinePorts,
        scheduler: { after: () => ({ cancel: () => undefined }), soon: () => undefined },
      });
      await ghost.open('former-life');
      const before = await ghost.claim(100);
      expect(before.length).toBe(unfinished);
      const options = { ...optionsFor(url), dryRun: false };
      const parked = before.filter((tx) => restored(tx) !== tx).length;
      expect(await quarantineStore(options)).toMatchObject({ unfinished, parked });
      expect(await withStore(url, digests)).toEqual(digestsOf(everything.map(restored)));
      // It writes nothing any more: owner and epoch have changed.
      const [tx] = before;
      const write = ghost.write([progress(restored(tx ?? trying('none')))]);
      expect(await write.catch(() => [{ kind: 'refused' }])).toMatchObject([{ kind: 'refused' }]);
      await ghost.close();
      expect(await quarantineStore(options)).toMatchObject({ unfinished, parked: 0 });
    });

    it('a quarantine is refused beside a coordinator that lives', async () => {
      const url = await fresh();
      await withStore(url, async () => {
        const refused = quarantineStore({ ...optionsFor(url), dryRun: false });
        await expect(refused).rejects.toMatchObject({ code: 'STORE_IN_USE' });
      });
    });
  });
});
