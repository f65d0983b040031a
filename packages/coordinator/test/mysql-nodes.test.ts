/** Several coordinators that want one MariaDB: at its schema and at its claim (N1–N4, M1–M2). */
import { expect, jest, test } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { migrations } from '../src/store/sql/mysql/migrations';
import { sqlBuilder } from '../src/store/sql/mysql/sql-builder';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import { decide, confirming, open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

describeWith('mariadb', (server) => {
  test('a second coordinator is refused while the first one lives, and may come when it has gone', async () => {
    const { url } = await freshDatabase(server);
    const [first, second] = [mysqlStoreAt(url), mysqlStoreAt(url)];
    await first.open('first');
    const refusal = await second.open('second').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'STORE_IN_USE' });
    expect(String(refusal)).toContain(`process ${process.pid}`);
    await first.close();
    await second.open('second');
    await second.close();
  });

  test('a dead one is taken over; should it wake up, it writes nothing more', async () => {
    const { url } = await freshDatabase(server);
    const time = new ManualTime();
    const [dead, next] = [mysqlStoreAt(url, { scheduler: time }), mysqlStoreAt(url)];
    await dead.open('dead');
    const row = trying('a');
    await dead.write([open(row)]);
    await next.open('next');
    expect(await next.claim(10)).toEqual([{ ...row, epoch: 2 }]);
    const [late] = await dead.write([decide(confirming(row))]);
    expect(late).toMatchObject({ kind: 'refused', row: { owner: 'next', epoch: 2 } });
    await time.advance(200);
    await expect(awaitTakeover(() => dead.write([open(trying('b'))]))).resolves.toMatchObject({
      kind: 'unavailable',
    });
    await dead.close();
    expect(await next.write([decide(confirming({ ...row, epoch: 2 }))])).toEqual([
      { kind: 'applied' },
    ]);
    await next.close();
  });

  test('of two that start at once on an empty database one gets it, and both are of use', async () => {
    const { url } = await freshDatabase(server);
    const stores = [mysqlStoreAt(url), mysqlStoreAt(url)];
    const ends = await Promise.allSettled(stores.map((store, i) => store.open(`node-${i}`)));
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = ends.findIndex(({ status }) => status === 'rejected');
    expect(ends[lost]).toMatchObject({ reason: { code: 'STORE_IN_USE' } });
    await stores[1 - lost]?.close();
    await stores[lost]?.open('later');
    expect(await stores[lost]?.write([open(trying('a'))])).toEqual([{ kind: 'applied' }]);
    await stores[lost]?.close();
  });

  test('a migration that was cut off is finished by the next, without anybody unlocking (M1)', async () => {
    const { url } = await freshDatabase(server);
    const hands = await Hands.at(url);
    const store = mysqlStoreAt(url);
    await store.open('first');
    await store.close();
    const schema = await tablesOf(hands);
    const [step] = migrations(sqlBuilder());
    for (let cut = 0; cut < (step?.statements.length ?? 0); cut++) {
      await hands.run(...schema.tables.map((table) => `DROP TABLE ${table}`));
      await hands.run(...(step?.statements.slice(0, cut) ?? []));
      await hands.run(
        schema.versionTable,
        "INSERT INTO schema_version VALUES (1, 0, 0, 'a dead one', 7, 'elsewhere')",
      );
      const next = mysqlStoreAt(url);
      await next.open('next');
      await next.close();
      expect(await tablesOf(hands)).toEqual(schema);
    }
    await hands.end();
  });

  test('a database of a later version is refused, and left as it is', async () => {
    const { url } = await freshDatabase(server);
    const hands = await Hands.at(url);
    const store = mysqlStoreAt(url);
    await store.open('first');
    await store.close();
    await hands.run('UPDATE schema_version SET version = 90, min_reader = 2');
    await expect(mysqlStoreAt(url).open('old')).rejects.toMatchObject({
      code: 'STORE_INCOMPATIBLE',
    });
    await hands.run('UPDATE schema_version SET version = 90, min_reader = 1');
    await store.open('still good');
    await store.close();
    const [row] = await hands.run('SELECT version, holder FROM schema_version');
    expect(row).toEqual({ version: 90, holder: '' });
    await hands.end();
  });
});

/** Waits for the beat that finds the claim gone; resolves with the failure. */
async function awaitTakeover(write: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      await write();
    } catch (error) {
      return error;
    }
  }
}

async function tablesOf(hands: Hands) {
  const names = (await hands.run('SHOW TABLES')).map((row) => String(Object.values(row)[0])).sort();
  const texts: string[] = [];
  for (const name of names) {
    const [row] = await hands.run(`SHOW CREATE TABLE ${name}`);
    texts.push(String(row?.['Create Table']));
  }
  const versionTable = String(texts[names.indexOf('schema_version')]);
  return { tables: names, texts, versionTable };
}
