/** The PostgreSQL store where something goes wrong: each error ends in the right kind, and nothing is half done. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Gid } from '@tercet/core';
import { SeededRandom, aBranch, aBranchSpec } from '@tercet/core/testing';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { describeWith } from '../../../test/support/servers/describe-with';
import { PostgresServer } from '../src/store/sql/postgres/postgres-server';
import { SqlStore } from '../src/store/sql/sql-store';
import type { Store } from '../src/store/store';
import { eventually } from './support/eventually';
import { OneWayPath } from './support/one-way-path';
import { PostgresWorld, storeAt } from './support/postgres-world';
import { confirming, decide, fence, open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

// What compresses well would fit where it must not.
const random = new SeededRandom(7);

const applied = { kind: 'applied' };

describeWith('postgres', (server) => {
  let world: PostgresWorld;
  beforeEach(async () => {
    world = await PostgresWorld.on(server);
  });
  afterEach(() => world.end());

  describe('an error inside a batch', () => {
    it.each([
      ['a gid that no index takes', Buffer.from(random.bytes(6_000)).toString('base64')],
      ['a gid with a NUL', 'a\0b'],
    ])('leaves nothing of it: %s is data (S4, P1)', async (_, gid) => {
      const store = await world.store();
      const batch = [open(trying('before')), open(trying(gid)), open(trying('zz-after'))];
      await expect(store.write(batch)).rejects.toMatchObject({ kind: 'data' });
      expect(await store.load(trying('before').gid)).toBeUndefined();
      expect(await store.write([open(trying('before'))])).toEqual([applied]);
    });

    it('takes back the waves before it (S1, P1)', async () => {
      const store = await world.store();
      const row = trying('locked');
      await store.write([open(row)]);
      const other = await world.client();
      await other.query("BEGIN; SELECT FROM transactions WHERE gid = 'locked' FOR UPDATE");
      // The second operation of a gid is a wave of its own; the first one waits for nobody.
      const batch = [open(trying('new')), open(row), decide(confirming(row))];
      await expect(store.write(batch)).rejects.toMatchObject({ kind: 'transient' });
      expect(await store.load(trying('new').gid)).toBeUndefined();
      await other.query('ROLLBACK');
      expect(await store.write(batch)).toEqual([applied, applied, applied]);
    });
  });

  describe('a conflict', () => {
    it('that lasts too long is transient: a lock of somebody else', async () => {
      const store = await world.store();
      const row = trying('a');
      await store.write([open(row)]);
      const other = await world.client();
      await other.query("BEGIN; SELECT FROM transactions WHERE gid = 'a' FOR UPDATE");
      const failure = { kind: 'transient', message: expect.stringContaining('55P03') };
      await expect(store.write([decide(confirming(row))])).rejects.toMatchObject(failure);
      await other.query('ROLLBACK');
      expect(await store.write([decide(confirming(row))])).toEqual([applied]);
    });

    it('that cannot end is transient: a deadlock', async () => {
      const store = await world.store();
      const [a, b] = [trying('a'), trying('b')];
      await store.write([open(a), open(b)]);
      const [admin, other] = [await world.admin(), await world.client()];
      await other.query("SET deadlock_timeout = '20s'");
      await other.query("BEGIN; SELECT FROM transactions WHERE gid = 'b' FOR UPDATE");
      const batch = [decide(confirming(a)), decide(confirming(b))];
      const failure = { kind: 'transient', message: expect.stringContaining('40P01') };
      const written = expect(store.write(batch)).rejects.toMatchObject(failure);
      await world.blocked(admin);
      await other.query("SELECT FROM transactions WHERE gid = 'a' FOR UPDATE");
      await written;
      await other.query('ROLLBACK');
      expect(await store.write(batch)).toEqual([applied, applied]);
    });
  });

  describe('a connection that ends', () => {
    it('before the commit leaves a doubt that a fence resolves: not applied (S4, P2)', async () => {
      const store = await world.store();
      const row = trying('a');
      await store.write([open(row)]);
      const [admin, other] = [await world.admin(), await world.client()];
      await other.query("BEGIN; SELECT FROM transactions WHERE gid = 'a' FOR UPDATE");
      const written = expect(store.write([decide(confirming(row))])).rejects.toMatchObject({
        kind: 'unknown',
      });
      await admin.query('SELECT pg_terminate_backend($1)', [await world.blocked(admin)]);
      await written;
      await other.query('ROLLBACK');
      const [answer] = await store.write([fence(row)]);
      expect(answer).toMatchObject({ kind: 'applied', row: { status: 'trying', epoch: 2 } });
    });

    it('after the commit leaves the same doubt, resolved the same way: applied (S4, P2)', async () => {
      const path = await OneWayPath.to(world.url);
      world.atEnd(() => path.close());
      const store = await world.store('first', path.url);
      const row = trying('a');
      await store.write([open(row)]);
      const other = await world.client();
      path.isSilent = true;
      const written = expect(store.write([decide(confirming(row))])).rejects.toMatchObject({
        kind: 'unknown',
      });
      await eventually(async () => {
        const { rows } = await other.query("SELECT status FROM transactions WHERE gid = 'a'");
        expect(rows).toEqual([{ status: 'confirming' }]);
      });
      path.cut();
      await written;
      path.isSilent = false;
      const [answer] = await store.write([fence(row)]);
      expect(answer).toMatchObject({ kind: 'applied', row: { status: 'confirming', epoch: 2 } });
    });

    it('while nothing is under way is replaced: nobody notices (L1)', async () => {
      const store = await world.store();
      await world.killStore(await world.admin());
      expect(await store.write([open(trying('a'))])).toEqual([applied]);
      expect(await store.load(trying('a').gid)).toEqual(trying('a'));
    });
  });

  it('a server that takes no writes is unavailable, and taken again when it does (L3)', async () => {
    const store = await world.store();
    const admin = await world.admin();
    await admin.query(`ALTER DATABASE ${world.database} SET default_transaction_read_only = on`);
    await world.killStore(admin);
    const failure = { kind: 'unavailable', message: expect.stringContaining('25006') };
    await expect(store.write([open(trying('a'))])).rejects.toMatchObject(failure);
    await expect(store.probe()).rejects.toMatchObject(failure);
    await admin.query(`ALTER DATABASE ${world.database} RESET default_transaction_read_only`);
    expect(await store.write([open(trying('a'))])).toEqual([applied]);
  });

  it('keeps awkward gids where the server’s own default lets backslashes escape', async () => {
    const admin = await world.admin();
    await admin.query(`ALTER DATABASE ${world.database} SET standard_conforming_strings = off`);
    const store = await world.store();
    const gids = ["'; DROP TABLE transactions; --", '\\', "\\'", '{"a",NULL}', '$1', '/* */'];
    const opened = gids.map((gid) => trying(gid, 1, { labels: { [gid]: gid } }));
    expect(await store.write(opened.map((tx) => open(tx)))).toEqual(gids.map(() => applied));
    for (const tx of opened) expect(await store.load(tx.gid)).toEqual(tx);
  });

  it('keeps many payloads of 1 MiB in one batch, and reads one without the others', async () => {
    const store = await world.store();
    const payloads = Array.from({ length: 9 }, (_, n) => {
      return new Uint8Array(1_048_576).map((_byte, i) => (i * 31 + n) % 256);
    });
    const branches = payloads.map((payload, i) => {
      return aBranch({ spec: aBranchSpec({ id: String(i + 1) as never, payload }) });
    });
    const opened = [trying('a', 0, { branches }), trying('b', 0, { branches })];
    expect(await store.write(opened.map((tx) => open(tx)))).toEqual([applied, applied]);
    const kept = await store.loadPayloads(trying('b').gid, '7' as never);
    expect(Buffer.from(kept?.payload ?? []).equals(payloads[6] ?? new Uint8Array())).toBe(true);
  });

  describe('a batch that is larger than what one message takes', () => {
    const small = () => {
      const ports = { clock: systemClock, scheduler: systemScheduler };
      const options = { ...ports, nodeTtlMs: 1_000, where: 'here' };
      const address = { url: world.url, unsafeStore: true, statementBytesMax: 100_000 };
      const postgres = new PostgresServer({ ...options, ...address });
      const store = new SqlStore({ ...options, random: new SeededRandom(1), server: postgres });
      world.atEnd(() => store.close());
      return store;
    };
    const opening = (gid: string, bytes: number) => {
      const spec = aBranchSpec({ id: '1' as never, payload: random.bytes(bytes) });
      return open(trying(gid, 0, { branches: [aBranch({ spec })] }));
    };

    it('is written in parts', async () => {
      const store = small();
      await store.open('first');
      const batch = Array.from({ length: 9 }, (_, i) => opening(`part-${i}`, 40_000));
      expect(await store.write(batch)).toEqual(batch.map(() => applied));
      for (let i = 0; i < 9; i++) expect(await store.loadOwned(`part-${i}` as Gid)).toBeDefined();
    });

    it('is data where one operation alone is (S4)', async () => {
      const store = small();
      await store.open('first');
      const batch = [opening('fits', 40_000), opening('too-large', 100_000)];
      await expect(store.write(batch)).rejects.toMatchObject({
        kind: 'data',
        message: expect.stringContaining('batch-bytes-max'),
      });
      expect(await store.write([opening('later', 10)])).toEqual([applied]);
    });
  });

  describe('opening', () => {
    const refused = async (store: Store): Promise<unknown> => {
      world.atEnd(() => store.close());
      return store.open('other').then(
        () => 'opened',
        (error: unknown) => error,
      );
    };

    it('refuses a server that may lose what it has confirmed, unless told otherwise', async () => {
      const admin = await world.admin();
      await admin.query(`ALTER DATABASE ${world.database} SET synchronous_commit = off`);
      expect(await refused(storeAt(world.url, { unsafeStore: false }))).toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/synchronous_commit = off.*--unsafe-store/),
      });
      expect(await refused(storeAt(world.url))).toBe('opened');
    });

    it('names what is wrong with the address, and never the password', async () => {
      const secret = 'p4ssw0rd';
      const nowhere = new URL(world.url);
      nowhere.pathname = '/nowhere';
      nowhere.password = secret;
      for (const url of [nowhere.toString(), `postgres://u:${secret}@host:port/x`]) {
        const error = await refused(storeAt(url));
        expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
        expect(JSON.stringify([error, String(error), (error as Error).stack])).not.toContain(
          secret,
        );
      }
    });

    it('is possible at once where the one before has closed', async () => {
      const first = await world.store('first');
      await first.close();
      const second = await world.store('second');
      expect(await second.write([open(trying('a'))])).toEqual([applied]);
    });
  });
});
