/** What goes wrong between the store and a MariaDB, and what is left of it (S1, S4). */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { type Store, StoreFailure, type StoreOperation } from '../src/store/store';
import { eventually } from './support/eventually';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import { TcpProxy } from './support/tcp-proxy';
import {
  attempted,
  confirming,
  decide,
  fence,
  finished,
  open,
  progress,
  trying,
} from './support/transaction-moves';

jest.setTimeout(60_000);

const applied = { kind: 'applied' };

/** How transactions are sent. */
const forms = [
  ['in packets', { blocks: false }],
  ['in blocks', { blocks: true }],
] as const;

describeWith('mariadb', (server) =>
  describe.each(forms)('%s', (_, { blocks }) => {
    let proxy: TcpProxy;
    let store: Store;
    let hands: Hands;
    let number = 0;

    beforeAll(async () => {
      const { url } = await freshDatabase(server);
      hands = await Hands.at(url);
      proxy = new TcpProxy(url);
      store = mysqlStoreAt(await proxy.listen(), { blocks });
      await store.open('me');
    });
    afterAll(async () => {
      await store.close();
      await proxy.stop();
      await hands.end();
    });
    beforeEach(() => {
      number += 1;
    });
    afterEach(async () => {
      proxy.mode = 'open';
      await hands.run('ROLLBACK');
    });

    const gid = (name: string): string => `${number}-${name}`;
    const opened = async (name: string) => {
      const row = trying(gid(name));
      await store.write([open(row)]);
      return row;
    };
    const lock = async (name: string): Promise<void> => {
      await hands.run('BEGIN', `SELECT 1 FROM transactions WHERE gid = '${gid(name)}' FOR UPDATE`);
    };
    const failure = async (batch: readonly StoreOperation[]): Promise<StoreFailure> => {
      const error = await store.write(batch).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!(error instanceof StoreFailure)) throw new Error(`no failure: ${String(error)}`);
      return error;
    };
    const writerIds = async (): Promise<readonly number[]> => {
      let ids: readonly number[] = [];
      await eventually(async () => {
        ids = await hands.busyWith('UPDATE transactions');
        expect(ids).toHaveLength(1);
      });
      return ids;
    };

    test('after an error in a batch the next one commits itself alone, however soon it comes', async () => {
      const poison = open(trying(gid('b'), 1, { name: 'x'.repeat(300) }));
      const [first, second] = await Promise.allSettled([
        store.write([open(trying(gid('a'))), poison]),
        store.write([open(trying(gid('c')))]),
      ]);
      expect(first).toMatchObject({ status: 'rejected', reason: { kind: 'data' } });
      expect(second).toEqual({ status: 'fulfilled', value: [applied] });
      expect(await store.load(trying(gid('a')).gid)).toBeUndefined();
      expect(await store.load(trying(gid('c')).gid)).toEqual(trying(gid('c')));
    });

    test('an error behind the first change of a batch takes that back before the next one', async () => {
      const row = await opened('a');
      await hands.run(`INSERT INTO results VALUES ('${row.gid}', 'in the way')`);
      const decided = confirming(row);
      const [first, second] = await Promise.allSettled([
        store.write([decide(decided, Uint8Array.of(1)), open(trying(gid('b')))]),
        store.write([open(trying(gid('c')))]),
      ]);
      expect(first).toMatchObject({ status: 'rejected', reason: { kind: 'data' } });
      expect(second).toEqual({ status: 'fulfilled', value: [applied] });
      expect(await store.load(row.gid)).toEqual(row);
      expect(await store.load(trying(gid('b')).gid)).toBeUndefined();
    });

    test('a row that somebody holds is waited for, 2 s at most; then the batch may come again', async () => {
      const rows = [await opened('a'), await opened('b')];
      await lock('b');
      const batch = rows.map((row) => decide(confirming(row)));
      const error = await failure(batch);
      expect(error).toMatchObject({ kind: 'transient' });
      expect(error.message).toContain('1205');
      expect(await store.load(trying(gid('a')).gid)).toEqual(rows[0]);
      await hands.run('ROLLBACK');
      expect(await store.write(batch)).toEqual([applied, applied]);
    });

    test('a deadlock leaves nothing of its victim, and the batch may come again', async () => {
      const rows = [await opened('a'), await opened('b')];
      // Many changes make the other one too dear to be the victim.
      await hands.run(
        'BEGIN',
        'INSERT INTO probes SELECT seq, REPEAT("x", 100) FROM seq_1_to_500',
        `UPDATE transactions SET name = 'b' WHERE gid = '${gid('b')}'`,
      );
      const batch = rows.map((row) => decide(confirming(row)));
      const failed = failure(batch);
      await writerIds();
      await hands.run(`UPDATE transactions SET name = 'a' WHERE gid = '${gid('a')}'`, 'ROLLBACK');
      const error = await failed;
      expect(error).toMatchObject({ kind: 'transient' });
      expect(error.message).toContain('1213');
      expect(await store.load(trying(gid('a')).gid)).toEqual(rows[0]);
      expect(await store.write(batch)).toEqual([applied, applied]);
    });

    test('a connection that is killed before COMMIT leaves a doubt, which a fence resolves: not done', async () => {
      const row = await opened('a');
      await lock('a');
      const failed = failure([decide(confirming(row)), open(trying(gid('b')))]);
      const [id] = await writerIds();
      await hands.run(`KILL CONNECTION ${id}`);
      expect(await failed).toMatchObject({ kind: 'unknown' });
      await hands.run('ROLLBACK');
      const answers = await store.write([fence(row), open(trying(gid('b')))]);
      expect(answers).toMatchObject([
        { kind: 'applied', row: { status: 'trying', epoch: 2 } },
        applied,
      ]);
    });

    test('a batch whose answer is lost is in doubt, and a fence and the same open resolve it: done', async () => {
      const row = await opened('a');
      proxy.mode = 'lose-answers';
      const batch = [decide(confirming(row)), open(trying(gid('b')))];
      expect(await failure(batch)).toMatchObject({ kind: 'unknown' });
      proxy.mode = 'open';
      const answers = await store.write([fence(row), open(trying(gid('b')))]);
      expect(answers).toMatchObject([
        { kind: 'applied', row: { status: 'confirming', epoch: 2 } },
        applied,
      ]);
    });

    test('a killed statement is rolled back and said to be, and the connection goes on', async () => {
      const row = await opened('a');
      await lock('a');
      const failed = failure([decide(confirming(row))]);
      const [id] = await writerIds();
      await hands.run(`KILL QUERY ${id}`, 'ROLLBACK');
      expect(await failed).toMatchObject({ kind: 'unavailable' });
      expect(await store.write([decide(confirming(row))])).toEqual([applied]);
    });

    test('while the server is away nothing is taken; when it is back the store goes on by itself', async () => {
      const row = await opened('a');
      proxy.mode = 'down';
      await eventually(async () => {
        expect(await failure([decide(confirming(row))])).toMatchObject({ kind: 'unavailable' });
      });
      await expect(store.probe()).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(store.load(row.gid)).rejects.toMatchObject({ name: 'StoreFailure' });
      proxy.mode = 'open';
      await store.probe();
      const decided = confirming(row);
      expect(await store.write([decide(decided)])).toEqual([applied]);
      expect(await store.write([progress(finished(decided))])).toEqual([applied]);
    });

    test('progress that changes nothing is applied, also beside one that is refused', async () => {
      const decided = confirming(await opened('a'));
      const tried = attempted(decided, '1');
      await store.write([decide(decided)]);
      expect(await store.write([progress(tried, 5)])).toEqual([applied]);
      const batch = [
        progress(tried, 5),
        progress(attempted(confirming(trying(gid('nobody'))), '1')),
      ];
      expect(await store.write(batch)).toEqual([applied, { kind: 'refused', row: undefined }]);
    });

    test('an account that may only read makes the store refuse writes, until it may again', async () => {
      const { url } = await freshDatabase(server);
      const root = await Hands.at(url);
      const maker = mysqlStoreAt(url, { blocks });
      await maker.open('maker');
      await maker.close();
      const user = `reader_${blocks}_${process.pid}`;
      const tables = (await root.run('SHOW TABLES')).map((row) => String(Object.values(row)[0]));
      await root.run(
        `CREATE USER '${user}'@'%'`,
        ...tables.map((t) => `GRANT SELECT, INSERT, UPDATE, DELETE ON ${t} TO '${user}'@'%'`),
      );
      const asUser = new URL(url);
      asUser.username = user;
      const limited = mysqlStoreAt(asUser.toString(), { blocks });
      await limited.open('me');
      await root.run(`REVOKE INSERT, UPDATE ON transactions FROM '${user}'@'%'`);
      await expect(limited.write([open(trying('a'))])).rejects.toMatchObject({
        kind: 'unavailable',
      });
      expect(await limited.load(trying('a').gid)).toBeUndefined();
      await root.run(`GRANT INSERT, UPDATE ON transactions TO '${user}'@'%'`);
      expect(await limited.write([open(trying('a'))])).toEqual([applied]);
      await limited.close();
      await root.run(`REVOKE INSERT ON nodes FROM '${user}'@'%'`);
      await expect(mysqlStoreAt(asUser.toString()).open('later')).rejects.toMatchObject({
        kind: 'unavailable',
      });
      await root.run(`DROP USER '${user}'@'%'`);
      await root.end();
    });
  }),
);
