/** How the PostgreSQL store connects: by which ways, and by which it does not. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemScheduler } from '@tercet/runtime';
import type { Client } from 'pg';
import { describeWith } from '../../../test/support/servers/describe-with';
import { connect } from '../src/store/sql/postgres/connect';
import { failureOf } from '../src/store/sql/postgres/failures';
import { PoolingProxy } from './support/pooling-proxy';
import { PostgresWorld } from './support/postgres-world';
import { TlsFront, certificate } from './support/tls-front';

jest.setTimeout(60_000);

describeWith('postgres', (server) => {
  let world: PostgresWorld;
  beforeEach(async () => {
    world = await PostgresWorld.on(server);
  });
  afterEach(() => world.end());

  const connected = async (url: string): Promise<Client> => {
    const client = await connect({ url, unsafeStore: true, scheduler: systemScheduler });
    world.atEnd(() => client.end());
    return client;
  };
  const refused = async (url: string): Promise<unknown> =>
    await connected(url).then(
      () => 'connected',
      (error: unknown) => error,
    );

  describe('a proxy that keeps sessions of its own', () => {
    it('is refused where it gives every transaction another one', async () => {
      const proxy = await PoolingProxy.before(world.url, 'transaction');
      world.atEnd(() => proxy.close());
      expect(await refused(proxy.url)).toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/every transaction another session.*pool_mode = session/),
      });
    });

    it('is taken where every connection keeps its own', async () => {
      const proxy = await PoolingProxy.before(world.url, 'session');
      world.atEnd(() => proxy.close());
      const client = await connected(proxy.url);
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });

    it('that shows later is named, too: a session does not know a statement that it has prepared', async () => {
      const client = await connected(world.url);
      const error = await client.query('EXECUTE nobody_knows_this').catch((e: unknown) => e);
      expect(failureOf(error, 'refused')).toMatchObject({
        kind: 'unavailable',
        message: expect.stringMatching(/26000.*every transaction another session/),
      });
    });
  });

  describe('TLS', () => {
    let front: TlsFront;
    let rootFile: string;
    beforeEach(async () => {
      front = await TlsFront.before(world.url);
      const folder = mkdtempSync(path.join(tmpdir(), 'tercet-tls-'));
      rootFile = path.join(folder, 'root.pem');
      writeFileSync(rootFile, certificate);
      world.atEnd(async () => {
        rmSync(folder, { recursive: true });
        await front.close();
      });
    });

    it('is spoken with a server whose certificate is known', async () => {
      const url = front.url('127.0.0.1', { sslmode: 'verify-full', sslrootcert: rootFile });
      const client = await connected(url);
      expect(client.connection.stream).toHaveProperty('authorized', true);
    });

    it.each(['require', 'verify-ca', 'verify-full'])(
      'with sslmode=%s is refused where nobody knows the certificate',
      async (sslmode) => {
        expect(await refused(front.url('127.0.0.1', { sslmode }))).toMatchObject({
          code: 'CONFIG_INVALID',
          message: expect.stringMatching(/self.signed certificate.*sslrootcert=FILE/),
        });
      },
    );

    it('is spoken with anybody where that is asked for', async () => {
      const client = await connected(front.url('127.0.0.1', { sslmode: 'no-verify' }));
      expect(client.connection.stream).toHaveProperty('encrypted', true);
    });

    it('is not done without where the server speaks none', async () => {
      const url = new URL(world.url);
      url.searchParams.set('sslmode', 'verify-full');
      expect(await refused(url.toString())).toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/does not support SSL.*sslmode=disable/),
      });
    });

    it('names the file that cannot be read', async () => {
      const url = front.url('127.0.0.1', { sslmode: 'verify-full', sslrootcert: '/no/such.pem' });
      expect(await refused(url)).toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/sslrootcert.*ENOENT.*\/no\/such\.pem/),
      });
    });
  });
});
