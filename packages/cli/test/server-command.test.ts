/** `tercet server` without a coordinator: what it is started with, and what becomes of signals and problems. */
import { describe, expect, test } from '@jest/globals';
import {
  type RunServerOptions,
  configFields,
  configFileField,
  loadConfig,
} from '@tercet/coordinator';
import { TercetError } from '@tercet/core';
import { tercet } from './support/recorded-run';

/** A server that only checks its settings. */
async function checksOnly({ flags, env }: RunServerOptions): Promise<void> {
  await loadConfig({ flags, env });
}

test('every setting is an option of the help', async () => {
  const { exitCode, stdout, stderr, loaded } = await tercet('server --help');
  expect({ exitCode, stderr, loaded }).toEqual({ exitCode: 0, stderr: '', loaded: ['server'] });
  for (const { flag, env } of [configFileField, ...Object.values(configFields)]) {
    expect(stdout).toContain(`--${flag}`);
    expect(stdout).toContain(env);
  }
});

test('flags and environment reach the coordinator, its lines go to stdout', async () => {
  let seen: Pick<RunServerOptions, 'flags' | 'env'> | undefined;
  const env = { TERCET_STORE: 'memory' };
  const { exitCode, stdout } = await tercet('server --grpc-address 127.0.0.1:0 --insecure', {
    env,
    runServer: async (options) => {
      seen = { flags: options.flags, env: options.env };
      options.print('ready');
    },
  });
  expect(seen).toEqual({ flags: { 'grpc-address': '127.0.0.1:0', insecure: 'true' }, env });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'ready\n' });
});

describe('problems', () => {
  test('are told all at once, with what was meant', async () => {
    const line = 'server --grpc-adress x --store foo --data-dir';
    const { exitCode, stderr } = await tercet(line, {
      env: { TERCET_LOG_LEVEL: 'loud' },
      runServer: checksOnly,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^tercet: the configuration has 4 problems:\n/);
    expect(stderr).toContain(
      '\n  - --store must be one of sqlite, sqlite:FOLDER, memory, mysql://USER@HOST/DATABASE, mariadb://…, postgres://…, got "foo"\n',
    );
    expect(stderr).toContain('\n  - --data-dir must name a folder, got ""\n');
    expect(stderr).toContain('\n  - TERCET_LOG_LEVEL (--log-level) must be one of');
    expect(stderr).toContain(
      '\n  - --grpc-adress is no option; did you mean --grpc-address?\nhint: ',
    );
  });

  test('a file of settings that is not there is one of them', async () => {
    const line = 'server --config none.yaml --store foo';
    const { exitCode, stderr } = await tercet(line, { runServer: checksOnly });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^tercet: the configuration has 2 problems:\n/);
    expect(stderr).toContain('\n  - --config none.yaml cannot be read: there is no such file\n');
    const env = { TERCET_CONFIG: 'none.yaml' };
    expect((await tercet('server', { env, runServer: checksOnly })).stderr).toContain(
      'TERCET_CONFIG (--config) none.yaml cannot be read',
    );
  });

  test('an option of the other commands is none of the server', async () => {
    const { exitCode, stderr } = await tercet('server --address 0.0.0.0:1', {
      runServer: checksOnly,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--address is no option');
  });

  test('a word that is no option starts nothing', async () => {
    expect(await tercet('server memory')).toMatchObject({
      exitCode: 2,
      stderr: 'tercet: server takes options only, got "memory"\nhint: see `tercet server --help`\n',
    });
  });

  test.each([
    ['STORE_IN_USE', 5],
    ['ADDRESS_IN_USE', 5],
    ['STORE_CORRUPT', 1],
  ] as const)('%s ends it with %d', async (code, exitCode) => {
    const runServer = async (): Promise<never> => {
      throw new TercetError(code);
    };
    expect(await tercet('server', { runServer })).toMatchObject({ exitCode, stdout: '' });
  });
});

describe('signals', () => {
  test('the first one stops it in order', async () => {
    const run = await tercet('server', {
      signals: ['SIGTERM'],
      runServer: (options) => new Promise((resolve) => options.onSignal(() => resolve())),
    });
    expect(run).toMatchObject({ exitCode: 0, exits: [] });
  });

  test('the second one ends it at once', async () => {
    const stops: string[] = [];
    const { exits } = await tercet('server', {
      signals: ['SIGINT', 'SIGINT'],
      runServer: async (options) => options.onSignal((signal) => stops.push(signal)),
    });
    expect(stops[0]).toBe('SIGINT');
    expect(exits).toEqual([130]);
  });
});
