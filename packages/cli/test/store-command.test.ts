/** `tercet store` on real stores: embedded ones, and servers where there are any. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Coordinator, SqliteStore, type StoreSetting } from '@tercet/coordinator';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { tercet } from './support/recorded-run';

jest.setTimeout(60_000);

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-store-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('tercet store on the embedded store', () => {
  test('check tells that there is none yet, and makes none', async () => {
    const folder = join(aFolder(), 'data');
    expect(await tercet(`store check --data-dir ${folder}`)).toEqual(
      expect.objectContaining({
        exitCode: 8,
        stdout: [
          `store      sqlite in ${folder}`,
          'server     SQLite',
          'schema     none yet (this version makes 4)',
          'in use by  nobody',
          '',
        ].join('\n'),
        stderr: 'problem: it has no tables yet: `tercet store migrate` makes them\n',
      }),
    );
    expect(existsSync(folder)).toBe(false);
  });

  test('migrate makes it, and may be repeated', async () => {
    const folder = aFolder();
    for (let i = 0; i < 2; i++) {
      const { exitCode, stdout, stderr } = await tercet(`store migrate --store sqlite:${folder}`);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toContain(
        'schema     4 (this version makes 4, versions from 4 on can use it)\n',
      );
    }
    const { exitCode, stdout } = await tercet('store check --json', {
      env: { TERCET_STORE: `sqlite:${folder}`, TERCET_GRPC_ADDRESS: 'none of its business' },
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      store: `sqlite in ${folder}`,
      server: 'SQLite',
      schema: { version: 4, minReader: 4 },
      currentSchema: 4,
      prerequisites: [],
      nodes: [],
      problems: [],
    });
  });

  test('one that is in use is looked at, and not migrated', async () => {
    const folder = aFolder();
    const store = new SqliteStore({ directory: folder });
    await store.open('me');
    cleanUps.push(() => store.close());
    expect((await tercet(`store check --data-dir ${folder}`)).stdout).toContain(
      'in use by  a process of this machine\n',
    );
    const { exitCode, stderr } = await tercet(`store migrate --data-dir ${folder}`);
    expect(exitCode).toBe(5);
    expect(stderr).toContain('another process holds the store');
  });

  test('wrong settings are told as the server tells them', async () => {
    const line = 'store check --store mysql://app:secret@db/';
    const { exitCode, stderr } = await tercet(line);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--store must name one database');
    expect(stderr).not.toContain('secret');
    expect((await tercet('store check --store memory')).exitCode).toBe(2);
  });

  test.each(['mysql', 'postgres'])(
    'a %s server that is away is told without its password',
    async (scheme) => {
      const line = `store check --store ${scheme}://app:secret@127.0.0.1:1/tercet`;
      const { exitCode, stdout, stderr } = await tercet(line);
      expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: '' });
      expect(stderr).toContain(`tercet: ${scheme}://app@127.0.0.1:1/tercet: `);
      expect(stderr).toContain('ECONNREFUSED');
      expect(stderr).not.toContain('secret');
    },
  );
});

describe.each([
  ['mariadb', 'MariaDB', 'innodb_flush_log_at_trx_commit'],
  ['postgres', 'PostgreSQL', 'fsync'],
] as const)('tercet store', (kind, product, setting) => {
  describeWith(kind, (server) => {
    test('check, migrate, check again, and while coordinators share it', async () => {
      const { url } = await freshDatabase(server);
      const before = await tercet(`store check --store ${url} --json`);
      expect(before.exitCode).toBe(8);
      const found = JSON.parse(before.stdout) as {
        readonly server: string;
        readonly prerequisites: readonly { readonly name: string; readonly met: boolean }[];
      };
      expect(found).toMatchObject({ schema: null, nodes: [] });
      expect(found.server).toMatch(new RegExp(`^${product} [0-9]+\\.[0-9.]+`));
      expect(found.prerequisites.map(({ name }) => name)).toContain(setting);

      const migrated = await tercet(`store migrate --unsafe-store --store ${url}`);
      expect(migrated).toMatchObject({ exitCode: 0 });
      expect(migrated.stdout).toContain(
        '1 (this version makes 1, versions from 1 on can use it)\n',
      );
      const again = await tercet(`store migrate --unsafe-store --store ${url}`);
      expect(again).toMatchObject({ exitCode: 0, stdout: migrated.stdout });

      const addresses = { grpcAddress: '127.0.0.1:0', httpAddress: 'off' };
      const settings = { store: url as StoreSetting, unsafeStore: true, nodeTtlMs: 1_000 };
      const both = [0, 1].map(() => new Coordinator({ config: { ...addresses, ...settings } }));
      for (const coordinator of both) await coordinator.start();
      const shared = await tercet(`store check --node-ttl 4s --store ${url}`);
      const told = JSON.parse((await tercet(`store check --json --store ${url}`)).stdout) as {
        readonly nodes: readonly object[];
      };
      for (const coordinator of both) await coordinator.stop();
      const node = `.*, process ${process.pid}\n`;
      expect(shared.stdout).toMatch(new RegExp(`^in use by +${node} +${node}$`, 'm'));
      const alive = { where: expect.stringContaining(`process ${process.pid}`), alive: true };
      expect(told.nodes).toEqual([alive, alive]);
      const free = await tercet(`store check --store ${url}`);
      expect(free.stdout).toContain('nobody\n');
    });

    test('a server that may lose what it has confirmed is refused, and the check says why', async () => {
      const { url } = await freshDatabase(server);
      const checked = await tercet(`store check --store ${url}`);
      // A server that was named from outside may be a safe one.
      const isLax = checked.stderr.includes('may lose what it has confirmed');
      const migrated = await tercet(`store migrate --store ${url}`);
      expect(migrated.exitCode).toBe(isLax ? 2 : 0);
      if (isLax) expect(migrated.stderr).toContain('--unsafe-store');
    });
  });
});

test('help of the commands needs no coordinator', async () => {
  const { stdout, loaded } = await tercet('store check --help');
  expect(loaded).toEqual([]);
  expect(stdout).toMatchInlineSnapshot(`
"Usage: tercet store check [options]

Looks at a store and changes nothing: the version of its schema, the settings of its server that
losing nothing depends on, and which coordinators share it. Takes up to --node-ttl where there are
any: which of them live shows in time. Exit 8 when something has to be mended first.

Options:
  --store <store>               store, as \`tercet server\` takes it (env: TERCET_STORE, default:
                                sqlite)
  --data-dir <folder>           folder of the embedded store (env: TERCET_DATA_DIR, default:
                                ./tercet-data)
  --store-password-file <file>  file with the password of the store's server (env:
                                TERCET_STORE_PASSWORD_FILE, or TERCET_STORE_PASSWORD itself)
  --node-ttl <duration>         how long to watch a coordinator for a sign of life (env:
                                TERCET_NODE_TTL, default: 10s)
  --config <file>               YAML file of settings (env: TERCET_CONFIG)
  --json                        print one JSON object
  -h, --help                    show help

Global Options:
  -V, --version                 print the version
  --no-color                    no colour (also: env NO_COLOR; FORCE_COLOR forces it)
  --debug                       show where an error came from
"
`);
  expect((await tercet('store migrate --help')).stdout).toContain('--unsafe-store');
  const group = await tercet('store --help');
  expect(group.stdout).toMatch(/check .*\n +migrate /);
});
