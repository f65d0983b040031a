/** How a MariaDB finds rows: on an empty, a small and a large table alike. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { SpecShapes } from '../src/store/rows/spec-shapes';
import { batchRowsOf } from '../src/store/sql/batch-rows';
import { batchStatements } from '../src/store/sql/mysql/batch-statements';
import { ownerBehind, pageOf, readOpenOwners, takeOf } from '../src/store/sql/mysql/claims';
import type { Session } from '../src/store/sql/mysql/session';
import type { StoreOperation } from '../src/store/store';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import {
  attempted,
  confirming,
  decide,
  extend,
  fence,
  finished,
  progress,
  take,
  trying,
  withMore,
} from './support/transaction-moves';

jest.setTimeout(120_000);

const fill = (from: number, to: number, owner: string, openOwner: string): string =>
  `INSERT INTO transactions (gid,run_id,name,status,branches,owner,epoch,open_owner,next_at,opened_at,deadline_at,decided_at,
    cause,format) SELECT CONCAT('${owner}-', seq),'run','n','confirmed',1,'${owner}',1,${openOwner},seq,1,1,1,'commit',1
    FROM seq_${from}_to_${to}`;

/** What each table holds when it is looked at. */
const sizes = [
  ['an empty', []],
  ['a small', [fill(1, 5, 'dead', "'dead'"), fill(1, 3, 'me', "'me'")]],
  [
    'a large',
    [
      fill(1, 20_000, 'me-finished', 'NULL'),
      fill(1, 500, 'dead', "'dead'"),
      fill(1, 3, 'me', "'me'"),
      'ANALYZE TABLE transactions',
    ],
  ],
] as const;

describeWith('mariadb', (server) => {
  describe.each(sizes)('on %s table', (_, filling) => {
    let hands: Hands;
    beforeAll(async () => {
      const { url } = await freshDatabase(server);
      const store = mysqlStoreAt(url);
      await store.open('maker');
      await store.close();
      hands = await Hands.at(url);
      await hands.run(...filling);
    });
    afterAll(() => hands.end());

    const rows = ['gid-1', 'gid-2', 'gid-3'].map((gid) => trying(gid));
    const hot: readonly (readonly [string, readonly StoreOperation[]])[] = [
      ['registering more', rows.map((row) => extend(withMore(row), 2))],
      ['deciding', rows.map((row) => decide(confirming(row)))],
      ['an attempt', rows.map((row) => progress(attempted(confirming(row), '1'), 5))],
      ['the end', rows.map((row) => progress(finished(confirming(row))))],
      ['a fence', rows.map(fence)],
      ['taking over', rows.map((row) => take(row, 'dead'))],
    ];

    test.each(hot)('%s finds its rows by the primary key alone', async (_name, batch) => {
      const [sql] = updatesOf(batch);
      const [plan] = await hands.run(`EXPLAIN ${sql}`);
      expect(plan).toMatchObject({ type: 'range', key: 'PRIMARY' });
      expect(Number(plan?.['rows'])).toBeLessThanOrEqual(rows.length);
    });

    test('a claimed page is changed by the primary key alone', async () => {
      const page = rows.map(({ gid, runId, epoch }) => ({ gid, runId, epoch }));
      const [plan] = await hands.run(`EXPLAIN ${takeOf(page, 'dead', 'me')}`);
      expect(plan).toMatchObject({ type: 'range', key: 'PRIMARY' });
    });

    test('a page to claim is read in the order of the index of open work', async () => {
      const page = pageOf({ owner: 'dead', limit: 5, skip: 0 });
      const [plan] = await hands.run(`EXPLAIN ${page}`);
      expect(plan).toMatchObject({ key: 'transactions_open' });
      expect(plan?.['Extra']).not.toMatch(/filesort|temporary/);
    });

    test('what is due is read from the index alone, in its order', async () => {
      const due =
        "SELECT gid,next_at FROM transactions FORCE INDEX (transactions_open) WHERE open_owner='me' AND next_at<=9" +
        " AND next_at>=1 AND (next_at>1 OR gid>'a') ORDER BY next_at,gid LIMIT 10";
      const [plan] = await hands.run(`EXPLAIN ${due}`);
      expect(plan).toMatchObject({
        key: 'transactions_open',
        Extra: 'Using where; Using index',
      });
    });

    test('owners of open work are found by jumps in the index alone (K1)', async () => {
      const asked: string[] = [];
      const session = {
        run: async ([sql = '']: readonly string[]) => {
          asked.push(sql);
          return [{ rows: await hands.run(sql), matched: 0, inTransaction: false }];
        },
      };
      const before = await reads();
      const owners = await readOpenOwners(session as unknown as Session);
      const touched = (await reads()) - before;
      expect(owners).toEqual(filling.length === 0 ? [] : ['dead', 'me']);
      expect(asked).toEqual(['', ...owners].map(ownerBehind));
      // However many rows an owner has, one of them is read, and perhaps the next one.
      expect(touched).toBeLessThanOrEqual(2 * asked.length);
      for (const sql of asked) {
        const [plan] = await hands.run(`EXPLAIN ${sql}`);
        expect(plan).toMatchObject({ key: 'transactions_open' });
        expect(plan?.['Extra']).toBe('Using where; Using index');
      }
    });

    /** Index entries that this connection has read. */
    async function reads(): Promise<number> {
      const found = await hands.run("SHOW SESSION STATUS LIKE 'Handler_read%'");
      const keys = ['Handler_read_key', 'Handler_read_next', 'Handler_read_prev'];
      return found
        .filter((row) => keys.includes(String(row['Variable_name'])))
        .reduce((sum, row) => sum + Number(row['Value']), 0);
    }
  });
});

function updatesOf(batch: readonly StoreOperation[]): readonly string[] {
  const statements = batchStatements([batchRowsOf(batch, new SpecShapes())], 'me');
  return statements.map(({ sql }) => sql).filter((sql) => sql.startsWith('UPDATE'));
}
