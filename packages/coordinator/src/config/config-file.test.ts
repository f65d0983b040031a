import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TercetError } from '@tercet/core';
import * as yaml from 'yaml';
import { type ConfigFile, parseConfigFile } from './config-file';
import { type Config, configFields } from './fields';
import { loadConfig } from './load-config';
import type { ConfigSources } from './resolve-config';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-config-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileOf(text: string, name = 'tercet.yaml'): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function parsed(...lines: string[]): ConfigFile {
  return parseConfigFile('tercet.yaml', lines.join('\n'), yaml);
}

async function problemsOf(sources: Pick<ConfigSources, 'flags' | 'env'>): Promise<string> {
  try {
    await loadConfig(sources);
  } catch (error) {
    if (error instanceof TercetError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  return 'none';
}

describe('flag > environment > file > default', () => {
  interface Row {
    readonly flag?: string;
    readonly env?: string;
    readonly file?: string;
    readonly value: string;
  }
  const rows: Row[] = [
    { flag: 'flag', env: 'env', file: 'file', value: 'flag' },
    { flag: 'flag', file: 'file', value: 'flag' },
    { flag: 'flag', env: 'env', value: 'flag' },
    { flag: 'flag', value: 'flag' },
    { env: 'env', file: 'file', value: 'env' },
    { env: 'env', value: 'env' },
    { file: 'file', value: 'file' },
    // An empty variable is none.
    { env: '', file: 'file', value: 'file' },
    { value: './tercet-data' },
  ];

  it.each(rows)('%j', async ({ flag, env, file, value }) => {
    const path = fileOf(file === undefined ? 'store: memory\n' : `data-dir: ${file}\n`);
    const { config } = await loadConfig({
      flags: { config: path, ...(flag === undefined ? {} : { 'data-dir': flag }) },
      env: { TERCET_DATA_DIR: env },
    });
    expect(config.dataDir).toBe(value);
  });

  it('holds for every setting', async () => {
    const texts: Readonly<
      Record<keyof Config, readonly [flag: string, env: string, file: string]>
    > = {
      grpcAddress: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'],
      httpAddress: ['127.0.0.1:4', '127.0.0.1:5', 'off'],
      insecure: ['true', 'false', 'true'],
      store: ['memory', 'sqlite', 'memory'],
      dataDir: ['a', 'b', 'c'],
      storePasswordFile: ['a', 'b', 'c'],
      unsafeStore: ['true', 'false', 'true'],
      nodeTtlMs: ['1s', '2s', '3s'],
      retentionMs: ['2d', 'off', '90m'],
      idempotencyWindowMs: ['31d', '32d', '33d'],
      retainRows: ['1', 'off', '3'],
      logLevel: ['error', 'warn', 'silent'],
      clockSkewMs: ['1s', '2s', '3s'],
      shutdownGraceMs: ['1s', '2s', '3s'],
      batchOperationsMax: ['1', '2', '3'],
      batchBytesMax: ['1', '2', '3'],
      queueOperationsMax: ['1', '2', '3'],
      queueBytesMax: ['11', '12', '13'],
      targetConcurrencyMax: ['1', '2', '3'],
      targetUnfinishedMax: ['301', '302', '303'],
      undecidedMax: ['1', '2', '3'],
      residentMax: ['1', '2', '3'],
      payloadCacheBytesMax: ['1', '2', '3'],
      deliver: ['unary', 'auto', 'unary'],
    };
    const fields = Object.values(configFields);
    const layer = (at: 0 | 1 | 2): [string, string][] =>
      fields.map(({ name, flag, env }) => [at === 1 ? env : flag, texts[name][at]]);
    const file = fileOf(
      layer(2)
        .map(([key, text]) => `${key}: ${text}\n`)
        .join(''),
    );
    const config = { config: file };
    const values = (at: 0 | 1 | 2): unknown =>
      Object.fromEntries(fields.map(({ name, parse }) => [name, parse(texts[name][at])]));
    const flags = Object.fromEntries(layer(0));
    const env = Object.fromEntries(layer(1));
    expect((await loadConfig({ flags: { ...flags, ...config }, env })).config).toEqual(values(0));
    expect((await loadConfig({ flags: config, env })).config).toEqual(values(1));
    expect((await loadConfig({ flags: config })).config).toEqual(values(2));
  });

  it('judges only the value that counts', async () => {
    const config = fileOf('log-level: loud\n');
    expect(await problemsOf({ flags: { config, 'log-level': 'info' } })).toBe('none');
    expect(await problemsOf({ flags: { config } })).toContain(
      `${config}:1 log-level must be one of`,
    );
  });
});

describe('the file', () => {
  it('is named by a flag, else by the environment, else there is none', async () => {
    const named = fileOf('data-dir: named\n', 'named.yaml');
    const other = fileOf('data-dir: other\n', 'other.yaml');
    const env = { TERCET_CONFIG: other };
    expect(await loadConfig({ flags: { config: named }, env })).toMatchObject({
      config: { dataDir: 'named' },
      file: named,
    });
    expect(await loadConfig({ env })).toMatchObject({ config: { dataDir: 'other' }, file: other });
    expect(await loadConfig({ env: { TERCET_CONFIG: '' } })).toMatchObject({
      config: { dataDir: './tercet-data' },
      file: undefined,
    });
  });

  it.each([
    ['is empty', ''],
    ['holds comments alone', '# nothing\n\n# yet\n'],
    ['holds a mark alone', '---\n'],
    ['holds an empty map', '{}\n'],
  ])('may be one that %s', (_, text) => {
    expect(parsed(text)).toEqual({ path: 'tercet.yaml', values: new Map(), problems: [] });
  });

  it('gives values as they are written', () => {
    const { values, problems } = parsed(
      'grpc-address: 127.0.0.1:0 # any port',
      'data-dir: "a folder"',
      "log-level: 'info'",
      'queue-bytes-max: 0100',
      'http-address: off',
      'insecure: True',
    );
    expect(problems).toEqual([]);
    expect(Object.fromEntries([...values].map(([key, { given }]) => [key, given]))).toEqual({
      'grpc-address': '127.0.0.1:0',
      'data-dir': 'a folder',
      'log-level': 'info',
      'queue-bytes-max': '0100',
      'http-address': 'off',
      insecure: 'True',
    });
    expect(values.get('log-level')?.line).toBe(3);
  });
});

describe('what is wrong with a file', () => {
  it.each<[string, string[], string[]]>([
    [
      'a name that is none, with the nearest',
      ['data-dir: a', 'clok-skew: 5s'],
      ['tercet.yaml:2 clok-skew is no setting; did you mean clock-skew?'],
    ],
    [
      'a name that is near to none',
      ['colour: blue'],
      ['tercet.yaml:1 colour is no setting; docs/config.md lists them'],
    ],
    [
      'the name that code uses',
      ['grpcAddress: 127.0.0.1:0'],
      ['tercet.yaml:1 grpcAddress is no setting; in a file it is grpc-address'],
    ],
    [
      'the name of the variable',
      ['TERCET_STORE: memory'],
      ['tercet.yaml:1 TERCET_STORE is no setting; in a file it is store'],
    ],
    [
      'the flag with its dashes',
      ['--log-level: info'],
      [
        'tercet.yaml:1 --log-level is no setting; in a file it is log-level, without dashes in front',
      ],
    ],
    [
      'the setting that names the file',
      ['config: other.yaml'],
      ['tercet.yaml:1 config is no setting; docs/config.md lists them'],
    ],
    [
      'a name with a character that a terminal obeys',
      ['"a\\e[31m": 1'],
      ['tercet.yaml:1 "a\\u001b[31m" is no setting; docs/config.md lists them'],
    ],
    [
      'a setting that stands twice',
      ['store: memory', 'log-level: info', 'store: sqlite'],
      ['tercet.yaml:3 store is set in line 1 already; keep one of them'],
    ],
    ['a list', ['store: [memory]'], ['tercet.yaml:1 store takes one value, got a list']],
    [
      'a map',
      ['grpc-address:', '  host: a', '  port: 1'],
      ['tercet.yaml:1 grpc-address takes one value, got a map'],
    ],
    [
      'an alias',
      ['data-dir: &a x', 'store: *a'],
      ['tercet.yaml:2 store takes one value, got an alias'],
    ],
    [
      'a name without a value',
      ['store:', 'log-level: null'],
      [
        'tercet.yaml:1 store has no value; leave it out for its default',
        'tercet.yaml:2 log-level has no value; leave it out for its default',
      ],
    ],
    [
      'a key that is no text',
      ['? [store]', ': memory'],
      ['tercet.yaml:1 a key must be the name of a setting; docs/config.md lists them'],
    ],
    [
      'no map at all',
      ['- store'],
      ['tercet.yaml:1 must hold settings, one on a line, such as: log-level: info'],
    ],
    [
      'a sentence',
      ['hello'],
      ['tercet.yaml:1 must hold settings, one on a line, such as: log-level: info'],
    ],
  ])('%s', (_, lines, problems) => {
    expect(parsed(...lines).problems).toEqual(problems);
  });

  it('is told with its line where it is no YAML', () => {
    expect(parsed('store: memory', 'log-level: "info').problems).toEqual([
      expect.stringMatching(/^tercet\.yaml:2 Missing closing "quote/),
    ]);
    expect(parsed('store: memory', '---', 'store: sqlite').problems).toHaveLength(1);
  });

  it('is told together with everything else', async () => {
    const config = fileOf('store: oracle\ninsecure: yes\nlog-levle: info\nqueue-bytes-max: many\n');
    const flags = { config, 'clock-skew': 'soon' };
    const env = { TERCET_BATCH_BYTES_MAX: '-1' };
    expect(
      (await problemsOf({ flags, env })).replaceAll(config, 'tercet.yaml'),
    ).toMatchInlineSnapshot(`
"the configuration has 6 problems:
  - tercet.yaml:3 log-levle is no setting; did you mean log-level?
  - tercet.yaml:2 insecure must be true or false, got "yes"
  - tercet.yaml:1 store must be one of sqlite, sqlite:FOLDER, memory, mysql://USER@HOST/DATABASE, mariadb://…, postgres://…, got "oracle"
  - --clock-skew must be a duration of at most 24h, such as 500ms, 5s or 2m, got "soon"
  - TERCET_BATCH_BYTES_MAX (--batch-bytes-max) must be a whole number of at least 1, got "-1"
  - tercet.yaml:4 queue-bytes-max must be a whole number of at least 1, got "many""
`);
  });

  it('is that it cannot be read: the path is named, and where it came from', async () => {
    const missing = join(folder, 'none.yaml');
    expect(await problemsOf({ flags: { config: missing } })).toBe(
      `the configuration has a problem:\n  - --config ${missing} cannot be read: there is no such file`,
    );
    expect(await problemsOf({ env: { TERCET_CONFIG: missing } })).toContain(
      `TERCET_CONFIG (--config) ${missing} cannot be read: there is no such file`,
    );
    mkdirSync(join(folder, 'folder'), { recursive: true });
    expect(await problemsOf({ flags: { config: join(folder, 'folder') } })).toContain(
      'cannot be read: it is a folder',
    );
    expect(await problemsOf({ flags: { config: '' } })).toContain(
      '--config must name a file, got ""',
    );
  });
});
