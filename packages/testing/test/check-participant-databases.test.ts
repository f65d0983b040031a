/** Right participants on real databases keep every law; the barrier is the SDK's own. */
import { expect, test } from '@jest/globals';
import { describeWith } from '../../../test/support/servers/describe-with';
import { checkParticipant } from '../src/conformance';
import {
  type DatabaseParticipant,
  onKnex,
  onMysql2,
  onPg,
  onRedis,
  onSqlite,
} from './support/database-participants';
import { requestOf, tooMuch } from './support/stock-books';
import { stock } from './support/stock-service';

const BUSY_MS = 120_000;

async function keepsEveryLaw<Db>(opened: Promise<DatabaseParticipant<Db>>): Promise<void> {
  const { handlers, close, ...options } = await opened;
  try {
    const report = await checkParticipant(stock, handlers, {
      ...options,
      requests: { reserve: requestOf },
      refused: { reserve: tooMuch },
      callTimeout: '20s',
      lawTimeout: '60s',
    });
    const others = report.laws.filter(({ outcome }) => outcome !== 'held');
    expect(others.map(({ law, text }) => `${law}: ${text}`)).toEqual([]);
  } finally {
    await close();
  }
}

test('on SQLite', () => keepsEveryLaw(onSqlite(':memory:')), BUSY_MS);

describeWith('mariadb', (server) => {
  test('mysql2', async () => keepsEveryLaw(onMysql2((await server.freshDatabase()).url)), BUSY_MS);
  test(
    'knex',
    async () => keepsEveryLaw(onKnex('mysql2', (await server.freshDatabase()).url)),
    BUSY_MS,
  );
});

describeWith('postgres', (server) => {
  test('pg', async () => keepsEveryLaw(onPg((await server.freshDatabase()).url)), BUSY_MS);
  test(
    'knex',
    async () => keepsEveryLaw(onKnex('pg', (await server.freshDatabase()).url)),
    BUSY_MS,
  );
});

describeWith('redis', (server) => {
  test('ioredis', async () => keepsEveryLaw(onRedis((await server.freshDatabase()).url)), BUSY_MS);
});
