/** `tercet barrier` on real databases, with the drivers of this workspace as those of the user's project. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { barrierMigration as mysqlMigration } from '@tercet/sdk/mysql2';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { tercet } from './support/recorded-run';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tercet-barrier-command-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const missing = 'the table tercet_barrier is missing in the database that the barrier works in';

/** Where nothing is yet, then after `migrate`, then after another one. */
async function migrates(url: string, shown: string): Promise<void> {
  const before = await tercet(`barrier check --url ${url}`);
  expect(before).toMatchObject({ exitCode: 6, stderr: '' });
  expect(before.stdout).toMatch(new RegExp(`^${shown} is not ready: ${missing}.*migrate`));
  const ready = { exitCode: 0, stdout: `${shown} is ready\n`, stderr: '' };
  expect(await tercet(`barrier migrate --url ${url}`)).toMatchObject(ready);
  expect(await tercet(`barrier check --url ${url}`)).toMatchObject(ready);
  expect(await tercet(`barrier migrate --url ${url}`)).toMatchObject(ready);
}

describe('on sqlite', () => {
  test('migrate makes the table, check finds it', async () => {
    const file = path.join(folder, 'shop.db');
    const { DatabaseSync } = await import('@photostructure/sqlite');
    new DatabaseSync(file).close();
    await migrates(`sqlite:${file}`, `sqlite:${file}`);
  });

  test('check makes no file', async () => {
    const file = path.join(folder, 'typo.db');
    expect(await tercet(`barrier check --url sqlite:${file}`)).toMatchObject({
      exitCode: 6,
      stdout: `sqlite:${file} is not ready: there is no such file\n`,
    });
    expect(existsSync(file)).toBe(false);
  });

  test('--json prints one object', async () => {
    const url = `sqlite:${path.join(folder, 'json.db')}`;
    const before = await tercet(`barrier check --json --url ${url}`);
    expect(JSON.parse(before.stdout)).toEqual({
      database: url,
      ready: false,
      problem: 'there is no such file',
    });
    const { stdout } = await tercet(`barrier migrate --json --url ${url}`);
    expect(JSON.parse(stdout)).toEqual({ database: url, ready: true, problem: null });
  });

  test('a folder that cannot be written to is told, with 6', async () => {
    const file = path.join(folder, 'none', 'shop.db');
    const { exitCode, stderr } = await tercet(`barrier migrate --url sqlite:${file}`);
    expect(exitCode).toBe(6);
    expect(stderr).toMatch(/^tercet: sqlite:.*shop\.db cannot be used: .*unable to open/);
    expect(stderr).toMatch(/\nhint: Mend what the message names and run it again/);
  });

  test('a newer table is left alone', async () => {
    const file = path.join(folder, 'newer.db');
    await tercet(`barrier migrate --url sqlite:${file}`);
    const { DatabaseSync } = await import('@photostructure/sqlite');
    const db = new DatabaseSync(file);
    db.exec('UPDATE tercet_barrier_version SET version = 99');
    db.close();
    for (const verb of ['check', 'migrate']) {
      const { exitCode, stdout, stderr } = await tercet(`barrier ${verb} --url sqlite:${file}`);
      expect(exitCode).toBe(6);
      expect(stdout + stderr).toContain('is of version 99, newer than the 1');
    }
  });
});

describeWith('mariadb', (server) => {
  test('migrate makes the table, check finds it', async () => {
    const { url } = await freshDatabase(server);
    await migrates(url, url);
  });

  test('the printed statements make the same table', async () => {
    const { url } = await freshDatabase(server);
    const { stdout } = await tercet('barrier sql --dialect mysql');
    const connection = await createConnection({ uri: url, multipleStatements: true });
    await connection.query(stdout);
    await connection.end();
    expect(await tercet(`barrier check --url ${url}`)).toMatchObject({ exitCode: 0 });
  });

  test('a database that is not there is told, and no password is shown', async () => {
    const { host } = new URL(server.url);
    const url = `mysql://ann:geheim@${host}/nowhere`;
    const found = await tercet(`barrier check --url ${url} --debug`);
    const made = await tercet(`barrier migrate --url ${url} --debug`);
    expect([found.exitCode, made.exitCode]).toEqual([6, 6]);
    expect(found.stdout).toMatch(new RegExp(`^mysql://ann@${host}/nowhere is not ready: `));
    expect(made.stderr).toMatch(/^tercet: .+\nhint: /);
    for (const { stdout, stderr } of [found, made]) expect(stdout + stderr).not.toContain('geheim');
  });
});

describeWith('postgres', (server) => {
  test('migrate makes the table, check finds it', async () => {
    const { url } = await freshDatabase(server);
    const { username, host, pathname } = new URL(url);
    await migrates(url, `postgres://${username === '' ? '' : `${username}@`}${host}${pathname}`);
  });

  test('the printed statements make the same table', async () => {
    const { url } = await freshDatabase(server);
    const { stdout } = await tercet('barrier sql --dialect postgres');
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(stdout);
    await client.end();
    expect(await tercet(`barrier check --url ${url}`)).toMatchObject({ exitCode: 0 });
  });

  test('a database that is not there is told, and no password is shown', async () => {
    const { host } = new URL(server.url);
    const url = `postgresql://ann:geheim@${host}/nowhere`;
    const found = await tercet(`barrier check --url ${url} --debug`);
    const made = await tercet(`barrier migrate --url ${url} --debug`);
    expect([found.exitCode, made.exitCode]).toEqual([6, 6]);
    expect(found.stdout).toMatch(new RegExp(`^postgres://ann@${host}/nowhere is not ready: `));
    for (const { stdout, stderr } of [found, made]) expect(stdout + stderr).not.toContain('geheim');
  });
});

describe('nobody answers', () => {
  test.each(['mysql', 'postgres'])('%s: 6, and what was tried', async (family) => {
    const { exitCode, stdout } = await tercet(
      `barrier check --url ${family}://ann:geheim@127.0.0.1:1/shop`,
    );
    expect(exitCode).toBe(6);
    expect(stdout).toMatch(new RegExp(`^${family}://ann@127.0.0.1:1/shop is not ready: `));
    expect(stdout).toContain('ECONNREFUSED');
    expect(stdout).not.toContain('geheim');
  });
});

describe('which database', () => {
  test('comes from the environment, where nobody sees the password', async () => {
    const url = `sqlite:${path.join(folder, 'env.db')}`;
    const env = { TERCET_BARRIER_URL: url };
    expect(await tercet('barrier migrate', { env })).toMatchObject({
      exitCode: 0,
      stdout: `${url} is ready\n`,
    });
  });

  test('has no default', async () => {
    expect(await tercet('barrier check')).toMatchObject({
      exitCode: 2,
      loaded: [],
      stderr:
        'tercet: neither --url nor TERCET_BARRIER_URL says which database is meant\n' +
        'hint: give mysql://user:password@host:3306/database, postgres://user:password@host:5432/database or sqlite:FILE\n',
    });
  });

  test('is refused without being shown where it cannot be read', async () => {
    const { exitCode, stderr } = await tercet('barrier check --url oracle://ann:geheim@db/shop');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--url is no address of a database that has a barrier');
    expect(stderr).not.toContain('geheim');
  });
});

describe('a driver that the project has not installed', () => {
  test.each([
    ['mysql://db/shop', ['mysql2/promise'], 'mysql2'],
    ['postgres://db/shop', ['pg'], 'pg'],
    ['sqlite:shop.db', ['node:sqlite', '@photostructure/sqlite'], '@photostructure/sqlite'],
  ])('%s: is named, with how to get it', async (url, notInstalled, name) => {
    expect(await tercet(`barrier migrate --url ${url}`, { notInstalled })).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr:
        `tercet: the driver ${name} is not installed in this folder or above it\n` +
        `hint: run this in the folder of the service, or install it here: npm install ${name}\n`,
    });
  });
});

describe('tercet barrier sql', () => {
  test('prints the statements and loads no driver', async () => {
    const { exitCode, stdout, stderr, loaded } = await tercet('barrier sql --dialect mysql');
    expect({ exitCode, stderr, loaded }).toEqual({ exitCode: 0, stderr: '', loaded: ['barriers'] });
    expect(stdout.match(/;\n/g)).toHaveLength(mysqlMigration.length);
    expect(stdout).toMatch(/^CREATE TABLE IF NOT EXISTS tercet_barrier \(/);
  });

  test.each(['mysql', 'postgres', 'sqlite'])('knows %s', async (dialect) => {
    const { stdout } = await tercet(`barrier sql --dialect ${dialect}`);
    for (const text of ['tercet_barrier (', 'tercet_barrier_version', 'run_id', 'PRIMARY KEY']) {
      expect(stdout).toContain(text);
    }
  });

  test.each([
    ['barrier sql', "required option '--dialect <family>' not specified"],
    ['barrier sql --dialect oracle', 'It must be one of mysql, postgres, sqlite.'],
  ])('%p is explained', async (line, text) => {
    const { exitCode, stderr, loaded } = await tercet(line);
    expect({ exitCode, loaded }).toEqual({ exitCode: 2, loaded: [] });
    expect(stderr).toContain(text);
  });
});

test('the help names every form, and loads nothing', async () => {
  const group = await tercet('barrier --help');
  expect(group).toMatchObject({ exitCode: 0, stderr: '', loaded: [] });
  for (const word of ['migrate', 'check', 'sql', 'mysql2', 'pg', '@photostructure/sqlite']) {
    expect(group.stdout).toContain(word);
  }
  const { stdout } = await tercet('barrier check --help');
  for (const word of ['mysql://', 'postgres://', 'sqlite:FILE', 'TERCET_BARRIER_URL', '--json']) {
    expect(stdout).toContain(word);
  }
});
