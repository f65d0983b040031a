/** The schema of a MariaDB, and several coordinators at it (L1–L4, M1–M2). */
import { expect, jest, test } from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { migrations } from '../src/store/sql/mysql/migrations';
import { sqlBuilder } from '../src/store/sql/mysql/sql-builder';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import { open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

describeWith('mariadb', (server) => {
  test('two that start at once on an empty database make its tables together', async () => {
    const { url } = await freshDatabase(server);
    const stores = [mysqlStoreAt(url), mysqlStoreAt(url)];
    await Promise.all(stores.map((store, i) => store.open(`node-${i}`)));
    for (const [i, store] of stores.entries()) {
      expect(await store.write([open(trying(`a-${i}`))])).toEqual([{ kind: 'applied' }]);
      await store.close();
    }
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
