/** What servers are taken. */
import { describe, expect, test } from '@jest/globals';
import { readServer } from './prerequisites';
import type { Session } from './session';

const good = {
  version: '10.11.6-MariaDB-log',
  max_allowed_packet: '16777216',
  innodb_flush_log_at_trx_commit: '1',
  log_bin: 'OFF',
  sync_binlog: '0',
  wsrep_on: 'OFF',
};
const mysql = { ...good, version: '8.0.36', wsrep_on: undefined };

/** A session whose server has these settings and gives it this number. */
function aSession(
  settings: Readonly<Record<string, string | undefined>>,
  { id = 7, greeted = 7 }: { id?: number | string; greeted?: number } = {},
): Session {
  const variables = Object.entries(settings).flatMap(([name, value]) => {
    return value === undefined ? [] : [{ Variable_name: name, Value: value }];
  });
  const run = async ([sql = '']: readonly string[]) => {
    const rows = sql.startsWith('SHOW') ? variables : [{ id }];
    return [{ rows, matched: 0, inTransaction: false }];
  };
  return { run, greeted } as Partial<Session> as Session;
}

describe('a server', () => {
  test.each([
    [good, { isMariaDb: true, isCluster: false, packetBytesMax: 16_777_216 }],
    [mysql, { isMariaDb: false, isCluster: false }],
    [
      { ...good, wsrep_on: 'ON' },
      { isMariaDb: true, isCluster: true },
    ],
    [{ ...good, log_bin: 'ON', sync_binlog: '1' }, { isMariaDb: true }],
    [{ ...good, version: '10.6.0-MariaDB' }, { isMariaDb: true }],
    [{ ...good, version: '11.4.2-MariaDB' }, { isMariaDb: true }],
  ])('with %j is taken', async (settings, facts) => {
    expect(await readServer(aSession(settings), false)).toMatchObject(facts);
  });

  test.each([
    [{ ...good, version: '10.5.9-MariaDB' }, 'STORE_INCOMPATIBLE', 'it needs MariaDB 10.6'],
    [{ ...mysql, version: '5.7.44' }, 'STORE_INCOMPATIBLE', 'MySQL 8.0, or later'],
    [{ ...mysql, wsrep_on: 'ON' }, 'STORE_INCOMPATIBLE', 'only MariaDB'],
    [
      { ...good, innodb_flush_log_at_trx_commit: '2' },
      'CONFIG_INVALID',
      'innodb_flush_log_at_trx_commit is 2',
    ],
    [{ ...good, log_bin: 'ON' }, 'CONFIG_INVALID', 'sync_binlog is 0'],
  ])('with %j is refused as %s: %s', async (settings, code, why) => {
    const refusal = await readServer(aSession(settings), false).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code });
    expect(String(refusal)).toContain(why);
  });

  test('that may lose commits is taken where that is wanted; a wrong kind never is', async () => {
    await readServer(aSession({ ...good, log_bin: 'ON' }), true);
    const cluster = readServer(aSession({ ...mysql, wsrep_on: 'ON' }), true);
    await expect(cluster).rejects.toMatchObject({ code: 'STORE_INCOMPATIBLE' });
  });

  test('whose number of the connection is another than it was greeted with is a proxy', async () => {
    const proxied = readServer(aSession(good, { id: 8 }), false);
    await expect(proxied).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await readServer(aSession(good, { id: 8 }), true);
  });

  test('may have more connections behind it than the greeting has room for', async () => {
    const id = 3 * 2 ** 32 + 7;
    await readServer(aSession(good, { id }), false);
    await readServer(aSession(good, { id: String(id) }), false);
  });
});
