/**
 * The packages as others get them: packed, and installed into an empty folder by one command, while the registry of
 * `@tercet` is a port where nobody listens.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import ts from 'typescript';
import { type Manifest, readManifest } from '../../scripts/pack/public-packages';
import { EmptyFolder, type Ended, root } from '../support/tarballs';

jest.setTimeout(180_000);

const names = ['cli', 'coordinator', 'core', 'proto', 'runtime', 'sdk', 'testing'];
const consumer = new EmptyFolder();
let installed: Ended;

beforeAll(async () => {
  const tarballs = consumer.pack('disk');
  consumer.run('npm', 'init', '-y');
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  consumer.write('.npmrc', `@tercet:registry=http://127.0.0.1:${port}/\nfetch-retries=0\n`);
  const flags = ['--no-audit', '--no-fund', '--loglevel=http'];
  installed = consumer.run('npm', 'install', ...flags, ...tarballs);
  if (installed.status !== 0) throw new Error(`npm install failed: ${installed.stderr}`);
});

afterAll(() => consumer.remove());

/** Where a package was installed. */
function home(name: string): string {
  return path.join(consumer.path, 'node_modules/@tercet', name);
}

function manifestOf(name: string): Manifest {
  return readManifest(home(name));
}

/** Files of an installed package, with forward slashes. */
function filesOf(name: string): string[] {
  const entries = readdirSync(home(name), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(home(name), path.join(entry.parentPath, entry.name)))
    .map((file) => file.split(path.sep).join('/'));
}

/** What can be imported: `@tercet/sdk`, `@tercet/sdk/operator`, … */
function specifiers(): string[] {
  return names.flatMap((name) =>
    Object.entries(manifestOf(name).exports ?? {})
      .filter(([, target]) => typeof target !== 'string')
      .map(([subpath]) => `@tercet/${name}${subpath.slice(1)}`),
  );
}

/** Those of them that take a driver which the SDK does not install. */
function adapterSpecifiers(): string[] {
  return specifiers().filter((name) => /\/(knex|mysql2|pg|redis)$/.test(name));
}

describe('one npm install', () => {
  test('succeeds, and asks no registry for @tercet', () => {
    expect(installed).toMatchObject({ status: 0 });
    expect(installed.stderr).not.toMatch(/127\.0\.0\.1|ECONNREFUSED/);
    expect(readdirSync(path.join(consumer.path, 'node_modules/@tercet')).sort()).toEqual(names);
  });

  test('would have failed on a registry: the setting holds', () => {
    const { status, stderr } = consumer.run('npm', 'view', '@tercet/core');
    expect(status).not.toBe(0);
    expect(stderr).toContain('ECONNREFUSED');
  });

  test('leaves a lockfile from which npm ci installs', () => {
    expect(consumer.run('npm', 'ci', '--no-audit', '--no-fund')).toMatchObject({ status: 0 });
  });
});

describe('an installed package', () => {
  test.each(names)('%s holds no tests, no sources and no leftovers of the compiler', (name) => {
    const files = filesOf(name);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js']));
    const foreign = /\.test\.|\.tsbuildinfo$|\.map$|^src\/|(?<!\.d)\.ts$|^test\//;
    expect(files.filter((file) => foreign.test(file))).toEqual([]);
    const doubles = files.filter((file) => file.includes('/testing/'));
    expect(doubles.length > 0).toBe(name === 'core');
  });

  test.each(names)('%s says what it is', (name) => {
    expect(manifestOf(name)).toMatchObject({
      description: expect.stringMatching(/\w{3}/),
      keywords: expect.arrayContaining(['tercet']),
      license: 'Apache-2.0',
      engines: { node: '>=20.20' },
    });
    expect(readFileSync(path.join(home(name), 'README.md'), 'utf8').length).toBeGreaterThan(400);
  });

  test.each(names)('%s declares what it imports, and imports what it declares', (name) => {
    const { dependencies = {}, peerDependencies = {} } = manifestOf(name);
    const imported = filesOf(name)
      .filter((file) => /\.(js|d\.ts)$/.test(file))
      .flatMap((file) => packagesImportedBy(path.join(home(name), file)));
    // A peer is the consumer's own: types alone may name it.
    const own = imported.filter((other) => peerDependencies[other] === undefined);
    expect([...new Set(own)].sort()).toEqual(Object.keys(dependencies).sort());
  });

  test('programs can be started', () => {
    for (const [name, target] of Object.entries(manifestOf('cli').bin ?? {})) {
      const file = path.join(home('cli'), target);
      expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
      expect(statSync(file).mode & 0o111).toBe(0o111);
      const { version } = manifestOf('cli');
      expect(consumer.run('npx', name, 'version').stdout).toBe(`tercet ${version}\n`);
    }
  });
});

describe('a consumer', () => {
  // Names that only one kind of module sees are the usual defect of a package of two worlds.
  test('in ESM gets the same names as one in CommonJS', () => {
    consumer.write(
      'names.mjs',
      `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const added = new Set(['default', 'module.exports', '__esModule']); // by Node.js, not by us
for (const specifier of ${JSON.stringify(specifiers())}) {
  const required = Object.keys(require(specifier)).sort();
  const imported = Object.keys(await import(specifier)).filter((name) => !added.has(name)).sort();
  console.log(specifier, required.length > 0, required.join() === imported.join());
}\n`,
    );
    const { stdout, stderr } = consumer.run(process.execPath, 'names.mjs');
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(specifiers().map((name) => `${name} true true`));
    expect(specifiers()).toEqual(
      expect.arrayContaining(['@tercet/core/testing', '@tercet/sdk/operator']),
    );
  });

  test.each(['node16', 'nodenext'])('compiles with module %s, library types included', (module) => {
    // The types of an adapter name its driver's, which this consumer has not installed.
    const peers = names.flatMap((name) => Object.keys(manifestOf(name).peerDependencies ?? {}));
    const lines = specifiers()
      .filter((name) => !peers.some((peer) => name.endsWith(`/${peer}`)))
      .map((name, index) => `import * as _${index} from '${name}';`);
    const text = `${lines.join('\n')}\n${consumerSource}`;
    const kinds = ['esm.mts', 'cjs.cts'];
    for (const kind of kinds) consumer.write(kind, text);
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
    const flags = ['--noEmit', '--skipLibCheck', 'false', '--target', 'es2022', '--module', module];
    const all = [compiler, ...flags, ...strict, '--types', 'node', ...kinds];
    expect(consumer.run(process.execPath, ...all)).toEqual(
      expect.objectContaining({ status: 0, stdout: '' }),
    );
  });

  // What the drivers' own types lack is nothing of ours: only complaints about our files, and the consumer's, count.
  // The consumer's own compilation, above, has told whether the two kinds of module differ.
  test.each(['nodenext'])('with drivers compiles adapters with module %s', (module) => {
    for (const name of ['knex', 'mysql2', 'pg', 'ioredis', '@types/pg']) {
      const link = path.join(consumer.path, 'node_modules', name);
      mkdirSync(path.dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(path.join(root, 'node_modules', name), link);
    }
    const kinds = ['adapters.mts', 'adapters.cts'];
    for (const kind of kinds) consumer.write(kind, adapterSource);
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const flags = ['--noEmit', '--skipLibCheck', 'false', '--target', 'es2022', '--module', module];
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--esModuleInterop'];
    const all = [compiler, ...flags, ...strict, '--types', 'node', ...kinds];
    const { stdout, stderr } = consumer.run(process.execPath, ...all);
    const ours = stdout.split('\n').filter((line) => /@tercet|adapters\.[mc]ts/.test(line));
    expect({ ours, stderr }).toEqual({ ours: [], stderr: '' });
    expect(adapterSpecifiers().every((name) => adapterSource.includes(`'${name}'`))).toBe(true);
  });

  test('imports the contracts into its own', () => {
    const contracts = 'node_modules/@tercet/proto/proto';
    consumer.write('buf.yaml', `version: v2\nmodules:\n  - path: own\n  - path: ${contracts}\n`);
    consumer.write(
      'own/hello.proto',
      'syntax = "proto3";\npackage hello;\nimport "tercet/v1/transaction.proto";\n' +
        'message Seen { repeated tercet.v1.Branch branches = 1; }\n',
    );
    const buf = path.join(root, 'node_modules/.bin/buf');
    expect(consumer.run(buf, 'build')).toMatchObject({ status: 0 });
    const shipped = readdirSync(path.join(consumer.path, contracts, 'tercet/v1')).sort();
    expect(shipped).toEqual(readdirSync(path.join(root, 'proto/tercet/v1')).sort());
  });
});

describe('a test suite with @tercet/testing', () => {
  beforeAll(() => {
    const suite = path.join(root, 'packages/testing/test/runners/suite.js');
    consumer.write('suite/suite.js', readFileSync(suite, 'utf8'));
    const required = "require('./suite.js')";
    consumer.write('suite/jest/a.test.js', "require('../suite.js')(test);\n");
    consumer.write('suite/a.node.js', `${required}(require('node:test').test);\n`);
    consumer.write(
      'suite/vitest/a.test.mjs',
      `import { createRequire } from 'node:module';
import { createTestCoordinator } from '@tercet/testing';
createRequire(import.meta.url)('../suite.js')(test);
test('is there in ESM', () => expect(createTestCoordinator).toBeTypeOf('function'));\n`,
    );
  });

  // Each ends by itself: an open handle would keep its process alive.
  test.each([
    [
      'jest',
      ['node_modules/jest/bin/jest.js', '--rootDir', 'suite/jest', '--config', '{}'],
      /3 passed/,
    ],
    ['node:test', ['--test', 'suite/a.node.js'], /# pass 3\n# fail 0/],
    [
      'vitest',
      ['node_modules/vitest/vitest.mjs', 'run', '--globals', '--root', 'suite/vitest'],
      /4 passed/,
    ],
  ])('runs under %s', (_, [program = '', ...flags], passed) => {
    const file = program.startsWith('-') ? program : path.join(root, program);
    const { status, stdout, stderr } = consumer.run(process.execPath, file, ...flags);
    expect(`${stdout}${stderr}`).toMatch(passed);
    expect(stderr).not.toContain('did not exit');
    expect(status).toBe(0);
  });
});

test('@tercet/proto ships the contracts however it is packed, and leaves no copy behind', () => {
  const folder = new EmptyFolder();
  const flags = ['--workspace', '@tercet/proto', '--prefix', root, '--json', '--dry-run'];
  const { stdout } = folder.run('npm', 'pack', ...flags);
  folder.remove();
  const [packed] = JSON.parse(stdout) as { readonly files: { readonly path: string }[] }[];
  const shipped = (packed?.files ?? [])
    .map((file) => file.path)
    .filter((file) => file.endsWith('.proto'));
  const contracts = readdirSync(path.join(root, 'proto/tercet/v1'));
  expect(shipped.sort()).toEqual(contracts.map((name) => `proto/tercet/v1/${name}`).sort());
  expect(readdirSync(path.join(root, 'packages/proto'))).not.toContain('proto');
});

test('publint and attw find nothing in the tarballs that a registry would get', () => {
  const folder = new EmptyFolder();
  const tarballs = folder.pack('registry');
  const lint = path.join(root, 'scripts/pack/lint-tarballs.mjs');
  const ended = folder.run(process.execPath, lint, ...tarballs);
  folder.remove();
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(tarballs).toHaveLength(names.length);
});

const consumerSource = `
import { type RunResult, createTercet, TransactionCancelledError } from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { ManualTime } from '@tercet/core/testing';
import { type TestCoordinator, createTestCoordinator } from '@tercet/testing';

export async function book(): Promise<RunResult<number> | string> {
  const tercet = createTercet({ coordinator: '127.0.0.1:8420' });
  try {
    return await tercet.run({ name: 'booking' }, async () => 1);
  } catch (error) {
    return error instanceof TransactionCancelledError ? error.message : 'unknown';
  } finally {
    await tercet.close();
  }
}
export const time = new ManualTime();
export const test: Promise<TestCoordinator> = createTestCoordinator({ inProcess: true });
export const total = createOperatorClient().stuck().then((page): number => page.total);
`;

/** Every adapter with the pool of its driver. What it wrongly takes must not compile: `@ts-expect-error` says so. */
const adapterSource = `
import { Redis } from 'ioredis';
import { knex } from 'knex';
import { createPool as corePool } from 'mysql2';
import { type RowDataPacket, createPool } from 'mysql2/promise';
import { Client, Pool } from 'pg';
import type { Barrier } from '@tercet/sdk';
import { knexBarrier } from '@tercet/sdk/knex';
import { type Mysql2Transaction, mysql2Barrier } from '@tercet/sdk/mysql2';
import { type PgTransaction, pgBarrier } from '@tercet/sdk/pg';
import { type RedisCall, redisBarrier } from '@tercet/sdk/redis';

export const ofKnex = knexBarrier(knex({ client: 'pg' }), { retention: '2160h' });
export const ofMysql2: Barrier<Mysql2Transaction>[] = [mysql2Barrier(createPool('')), mysql2Barrier(corePool(''))];
export const ofPg: Barrier<PgTransaction> = pgBarrier(new Pool());
export const ofRedis: Barrier<RedisCall> = redisBarrier(new Redis({ lazyConnect: true }));
export async function left(db: Mysql2Transaction): Promise<unknown> {
  const [rows] = await db.query<RowDataPacket[]>('SELECT 1 AS one');
  return rows[0]?.['one'];
}
export async function count(db: PgTransaction): Promise<number> {
  return (await db.query<{ n: number }>('SELECT 1 AS n')).rows[0]?.n ?? 0;
}
// @ts-expect-error a single client cannot carry calls side by side
pgBarrier(new Client());
`;

/** Names of packages that a compiled file needs, its types included; Node's own modules left out. */
function packagesImportedBy(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const late = [...text.matchAll(/createRequire\)?\(\w+\)\('([^']+)'\)/g)].map(
    ([, name = '']) => name,
  );
  return [...importedFiles.map(({ fileName }) => fileName), ...late]
    .filter((name) => !name.startsWith('.') && !isBuiltin(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
}
