/** The accounts that docs/operations/stores.md tells people to make are enough: one that may make tables, one that may not. */
import { describe, expect, it, jest } from '@jest/globals';
import { type StoreSetting, migrateStore, resolveConfig, storeOf } from '@tercet/coordinator';
import type { Gid } from '@tercet/core';
import { aTransaction } from '@tercet/core/testing';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { describeWith, freshDatabase } from '../support/servers/describe-with';

jest.setTimeout(60_000);

const password = "it's #1 / 100% @home?";

function urlAs(url: string, user: string): StoreSetting {
  const own = new URL(url);
  own.username = user;
  own.password = encodeURIComponent(password);
  return own.toString() as StoreSetting;
}

/** Migrates as one user, works as the other. */
async function expectEnough(maker: StoreSetting, worker: StoreSetting): Promise<void> {
  const env = { TERCET_UNSAFE_STORE: 'true' };
  expect(await migrateStore({ flags: { store: maker }, env })).toMatchObject({
    schema: { version: 1 },
  });
  const settings = { ...resolveConfig(), store: worker, unsafeStore: true };
  const store = storeOf(settings, {
    clock: systemClock,
    scheduler: systemScheduler,
    random: systemRandom,
  });
  await store.open('me');
  try {
    const tx = aTransaction({ gid: 'a' as Gid });
    expect(await store.write([{ kind: 'open', tx }])).toEqual([{ kind: 'applied' }]);
    await store.probe();
    expect(await store.claim(10)).toEqual([]);
    expect(await store.load(tx.gid)).toMatchObject({ gid: 'a' });
  } finally {
    await store.close();
  }
}

describe('accounts on MariaDB', () => {
  describeWith('mariadb', (server) => {
    const run = async (...statements: string[]): Promise<void> => {
      const connection = await createConnection(server.url);
      for (const statement of statements) await connection.query(statement);
      await connection.end();
    };
    it('need no more than is documented', async () => {
      const { url, name: database } = await freshDatabase(server);
      const [maker, worker] = [`${database}_m`, `${database}_w`];
      const quoted = password.replaceAll("'", "''");
      await run(
        `CREATE USER ${maker} IDENTIFIED BY '${quoted}'`,
        `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON ${database}.* TO ${maker}`,
        `CREATE USER ${worker} IDENTIFIED BY '${quoted}'`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO ${worker}`,
      );
      try {
        await expectEnough(urlAs(url, maker), urlAs(url, worker));
      } finally {
        await run(`DROP USER ${maker}, ${worker}`);
      }
    });
  });
});

describe('accounts on PostgreSQL', () => {
  describeWith('postgres', (server) => {
    const run = async (url: string, ...statements: string[]): Promise<void> => {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        for (const statement of statements) await client.query(statement);
      } finally {
        await client.end();
      }
    };

    it('need no more than is documented', async () => {
      const { url, name: database } = await freshDatabase(server);
      const [maker, worker] = [`${database}_m`, `${database}_w`];
      const quoted = password.replaceAll("'", "''");
      await run(
        url,
        `CREATE ROLE ${maker} LOGIN PASSWORD '${quoted}'`,
        `GRANT CREATE, USAGE ON SCHEMA public TO ${maker}`,
        `CREATE ROLE ${worker} LOGIN PASSWORD '${quoted}'`,
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${maker} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${worker}`,
      );
      try {
        await expectEnough(urlAs(url, maker), urlAs(url, worker));
      } finally {
        await run(
          url,
          `DROP OWNED BY ${worker}`,
          `DROP OWNED BY ${maker}`,
          `DROP ROLE ${maker}, ${worker}`,
        );
      }
    });
  });
});
