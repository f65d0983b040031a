/** A MariaDB with settings of its own: what they do to texts, sizes and promises. */
import { expect, jest, test } from '@jest/globals';
import type { Branch } from '@tercet/core';
import { aBranch, aBranchSpec } from '@tercet/core/testing';
import type { Store } from '../src/store/store';
import { GreetingProxy } from './support/greeting-proxy';
import { mysqlStoreAt } from './support/mysql-world';
import { describeOwnMariadb } from './support/own-mariadb';
import { TcpProxy } from './support/tcp-proxy';
import { attempted, cancelling, decide, open, progress, trying } from './support/transaction-moves';

jest.setTimeout(300_000);

const applied = { kind: 'applied' };
const mebibyte = 1_048_576;

describeOwnMariadb({ durable: true, args: ['--log-bin', '--server-id=1'] }, (server) => {
  const withStore = async (
    work: (store: Store) => Promise<void>,
    blocks = false,
  ): Promise<void> => {
    const store = mysqlStoreAt(server.url, { unsafeStore: false, blocks });
    await store.open('me');
    await work(store).finally(() => store.close());
  };

  test('which makes every commit durable is taken as it is', async () => {
    await withStore(async (store) => {
      expect(await store.write([open(trying('durable'))])).toEqual([applied]);
    });
  });

  test.each([
    ['innodb_flush_log_at_trx_commit', 2, 'innodb_flush_log_at_trx_commit is 2, it must be 1'],
    ['sync_binlog', 0, 'sync_binlog is 0, it must be 1 where the binary log is on'],
  ])(
    'which may lose commits (%s = %i) is refused, naming it, unless that is wanted',
    async (name, value, said) => {
      await server.hands.run(`SET GLOBAL ${name} = ${value}`);
      const refusal = await mysqlStoreAt(server.url, { unsafeStore: false })
        .open('me')
        .catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'CONFIG_INVALID' });
      expect(String(refusal)).toContain(said);
      const unsafe = mysqlStoreAt(server.url, { unsafeStore: true });
      await unsafe.open('me');
      await unsafe.close();
      await server.hands.run(`SET GLOBAL ${name} = 1`);
    },
  );

  test('behind a proxy that shares connections is refused; one that passes them on as they are is not', async () => {
    const sharing = await GreetingProxy.before(server.url);
    const passing = new TcpProxy(server.url);
    const shared = mysqlStoreAt(sharing.url, { unsafeStore: false });
    const refusal = await shared.open('me').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(refusal)).toContain('proxy that shares connections');
    const passed = mysqlStoreAt(await passing.listen(), { unsafeStore: false });
    await passed.open('me');
    await passed.close();
    await sharing.close();
    await passing.stop();
  });

  test.each(['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', 'PIPES_AS_CONCAT'])(
    'whose default sql_mode is "%s" keeps quotes, backslashes and comments as they are',
    async (mode) => {
      await server.hands.run(`SET GLOBAL sql_mode = '${mode}'`);
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
      await server.hands.run('SET GLOBAL sql_mode = DEFAULT');
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

  test.each([
    ['messages', false],
    ['blocks', true],
  ])('takes nine payloads of 1 MiB in one batch, in %s that it has room for', async (_, blocks) => {
    await withStore(async (store) => {
      const rows = Array.from({ length: 9 }, (_, i) => large(`large-${blocks}-${i}`, 1));
      expect(await store.write(rows.map(open))).toEqual(rows.map(() => applied));
      // S3: what a part has written answers as it did.
      expect(await store.write(rows.map(open))).toEqual(rows.map(() => applied));
      for (const { gid, branches } of rows) {
        const [kept, sent] = [(await store.load(gid))?.branches[0], branches[0]];
        // Byte by byte in one go: the comparison of jest takes seconds for each.
        expect(Buffer.compare(bytesOf(kept), bytesOf(sent))).toBe(0);
      }
    }, blocks);
  });

  test('refuses as data what no message can hold, and names the setting; the rest can be written', async () => {
    await server.hands.run(`SET GLOBAL max_allowed_packet = ${mebibyte}`);
    await withStore(async (store) => {
      const row = large('too-large', 1);
      const error = await store.write([open(row), open(trying('small'))]).catch((e: unknown) => e);
      expect(error).toMatchObject({ name: 'StoreFailure', kind: 'data' });
      expect(String(error)).toContain('max_allowed_packet is 1048576');
      expect(await store.load(row.gid)).toBeUndefined();
      expect(await store.write([open(trying('small'))])).toEqual([applied]);
    });
    await server.hands.run('SET GLOBAL max_allowed_packet = DEFAULT');
  });
});
