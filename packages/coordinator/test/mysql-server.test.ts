/** A MariaDB with settings of its own: what they do to texts, sizes and promises. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Branch } from '@tercet/core';
import { aBranch, aBranchSpec } from '@tercet/core/testing';
import { fateOf } from '../../../test/support/servers/describe-with';
import { readPlan } from '../../../test/support/servers/run-plan';
import type { RunningServer } from '../../../test/support/servers/server-kind';
import { mariadb } from '../../../test/support/servers/servers';
import { batchRowsOf } from '../src/store/sql/batch-rows';
import { batchStatements } from '../src/store/sql/mysql/batch-statements';
import { SpecShapes } from '../src/store/rows/spec-shapes';
import type { Store, StoreOperation } from '../src/store/store';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import {
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  trying,
  withMore,
} from './support/transaction-moves';

jest.setTimeout(300_000);

const applied = { kind: 'applied' };
const mebibyte = 1_048_576;
const fate = fateOf('mariadb', readPlan(), process.env['TERCET_REQUIRE_SERVERS']);
const describeServer = fate.kind === 'skip' ? describe.skip : describe;

describeServer('a MariaDB of its own', () => {
  let server: RunningServer;
  let hands: Hands;
  let url: string;

  beforeAll(async () => {
    // A server that an environment variable names is somebody's: its settings are not touched.
    const started = await mariadb({ durable: true, env: { PATH: process.env['PATH'] } });
    if ('missing' in started) throw new Error(started.missing.join('; '));
    server = started;
    hands = await Hands.at(server.url);
    await hands.run('CREATE DATABASE tercet');
    url = new URL('/tercet', server.url).toString();
  });
  afterAll(async () => {
    await hands.end();
    await server.stop();
  });

  const withStore = async (work: (store: Store) => Promise<void>): Promise<void> => {
    const store = mysqlStoreAt(url, { unsafeStore: false });
    await store.open('me');
    await work(store).finally(() => store.close());
  };

  test('which makes every commit durable is taken as it is', async () => {
    await withStore(async (store) => {
      expect(await store.write([open(trying('durable'))])).toEqual([applied]);
    });
  });

  test('which may lose commits is refused, naming the setting, unless that is wanted', async () => {
    await hands.run('SET GLOBAL innodb_flush_log_at_trx_commit = 2');
    const refusal = await mysqlStoreAt(url, { unsafeStore: false })
      .open('me')
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(refusal)).toContain('innodb_flush_log_at_trx_commit is 2, it must be 1');
    const unsafe = mysqlStoreAt(url, { unsafeStore: true });
    await unsafe.open('me');
    await unsafe.close();
    await hands.run('SET GLOBAL innodb_flush_log_at_trx_commit = 1');
  });

  test.each(['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', 'PIPES_AS_CONCAT'])(
    'whose default sql_mode is "%s" keeps quotes, backslashes and comments as they are',
    async (mode) => {
      await hands.run(`SET GLOBAL sql_mode = '${mode}'`);
      await withStore(async (store) => {
        const nasty = [
          `'`,
          `\\`,
          `--`,
          `\\'; DROP TABLE transactions; -- `,
          `"#/*`,
          `\\\\'`,
          `'' OR ''='`,
        ];
        for (const [i, text] of nasty.entries()) {
          const row = trying(`${mode.length}${i}${text}`, 2, {
            name: text,
            labels: { [text]: text },
          });
          const steps = [
            [open(row), row],
            [decide(cancelling(row, text)), cancelling(row, text)],
            [
              progress(attempted(cancelling(row, text), '1', text)),
              attempted(cancelling(row, text), '1', text),
            ],
          ] as const;
          for (const [operation, after] of steps) {
            expect(await store.write([operation])).toEqual([applied]);
            expect(await store.load(row.gid)).toEqual(after);
          }
          const listed = await store.list({
            statuses: [],
            name: text,
            gidPrefix: row.gid,
            limit: 9,
            cursor: undefined,
          });
          expect(listed.transactions.map(({ gid }) => gid)).toEqual([row.gid]);
        }
      });
      await hands.run('SET GLOBAL sql_mode = DEFAULT');
    },
  );

  const bytesOf = (branch: Branch | undefined): Uint8Array => {
    if (branch === undefined) throw new Error('no branch');
    return branch.spec.payload;
  };
  const large = (gid: string, payloads: number) => {
    const payload = new Uint8Array(mebibyte).map((_, i) => (i * 31 + gid.length) % 256);
    const branches = Array.from({ length: payloads }, (_, i) =>
      aBranch({ spec: aBranchSpec({ id: String(i + 1) as never, payload }) }),
    );
    return trying(gid, 0, { branches });
  };

  test('takes nine payloads of 1 MiB in one batch, in messages that it has room for', async () => {
    await withStore(async (store) => {
      const rows = Array.from({ length: 9 }, (_, i) => large(`large-${i}`, 1));
      expect(await store.write(rows.map(open))).toEqual(rows.map(() => applied));
      // S3: what a part has written answers as it did.
      expect(await store.write(rows.map(open))).toEqual(rows.map(() => applied));
      for (const { gid, branches } of rows) {
        const [kept, sent] = [(await store.load(gid))?.branches[0], branches[0]];
        // Byte by byte in one go: the comparison of jest takes seconds for each.
        expect(Buffer.compare(bytesOf(kept), bytesOf(sent))).toBe(0);
      }
    });
  });

  test('refuses as data what no message can hold, and names the setting; the rest can be written', async () => {
    await hands.run(`SET GLOBAL max_allowed_packet = ${mebibyte}`);
    await withStore(async (store) => {
      const row = large('too-large', 1);
      const error = await store.write([open(row), open(trying('small'))]).catch((e: unknown) => e);
      expect(error).toMatchObject({ name: 'StoreFailure', kind: 'data' });
      expect(String(error)).toContain('max_allowed_packet is 1048576');
      expect(await store.load(row.gid)).toBeUndefined();
      expect(await store.write([open(trying('small'))])).toEqual([applied]);
    });
    await hands.run('SET GLOBAL max_allowed_packet = DEFAULT');
  });

  test('finds rows by the primary key alone, and what is due in the index, empty or full', async () => {
    await withStore(async () => undefined);
    const inside = await Hands.at(url);
    await inside.run('DELETE FROM transactions');
    const rows = Array.from({ length: 3 }, (_, i) => trying(`gid-${i}`));
    const batches: readonly (readonly StoreOperation[])[] = [
      rows.map((row) => extend(withMore(row), 2)),
      rows.map((row) => decide(confirming(row))),
      rows.map((row) => progress(attempted(confirming(row), '1'), 5)),
      rows.map((row) => progress(finished(confirming(row)))),
      rows.map(fence),
    ];
    const hot = batches.flatMap((batch) => {
      const statements = batchStatements([batchRowsOf(batch, new SpecShapes())], 'me');
      return statements.map(({ sql }) => sql).filter((sql) => sql.startsWith('UPDATE'));
    });
    expect(hot).toHaveLength(batches.length);
    const fill = `INSERT INTO transactions (gid,run_id,name,status,branches,owner,epoch,open_owner,next_at,
      opened_at,deadline_at,decided_at,cause,format) SELECT CONCAT('old-', seq),'run','n','confirmed',1,'me',1,NULL,seq,
      1,1,1,'commit',1 FROM seq_1_to_100000`;
    for (const before of [[], [fill, 'ANALYZE TABLE transactions']]) {
      await inside.run(...before, 'SELECT 1');
      for (const sql of hot) {
        const [plan] = await inside.run(`EXPLAIN ${sql}`);
        expect(plan).toMatchObject({ type: 'range', key: 'PRIMARY' });
        expect(Number(plan?.['rows'])).toBeLessThanOrEqual(rows.length);
      }
    }
    const due =
      "SELECT gid,next_at FROM transactions FORCE INDEX (transactions_open) WHERE open_owner='me' AND next_at<=9" +
      " AND next_at>=1 AND (next_at>1 OR gid>'a') ORDER BY next_at,gid LIMIT 10";
    const [plan] = await inside.run(`EXPLAIN ${due}`);
    expect(plan).toMatchObject({ key: 'transactions_open', Extra: 'Using where; Using index' });
    await inside.end();
  });
});
