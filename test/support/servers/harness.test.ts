/** How test servers are found, asked for, and got rid of. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { afterTest } from '../clean-up';
import { askBroker, Broker } from './broker';
import { describeWith, fateOf, TestServer } from './describe-with';
import { removeStaleFolders } from './run-folder';
import { serverKinds, variables } from './server-kind';
import { startServer, whyMissing } from './servers';

/** A machine on which nothing is installed. */
const bare = { PATH: '', DOCKER_HOST: undefined };

describe('finding a server', () => {
  test.each(serverKinds)(
    'takes the %s that the environment names, and leaves it alone',
    async (kind) => {
      const env = { ...bare, [variables[kind]]: 'proto://elsewhere:1' };
      const server = await startServer(kind, { env });
      expect(server).toMatchObject({ url: 'proto://elsewhere:1' });
      if ('url' in server) await server.stop();
      expect(await whyMissing(kind, env)).toEqual([]);
    },
  );

  test.each(serverKinds)('says every way to a %s that led nowhere', async (kind) => {
    const found = await startServer(kind, { env: bare });
    const why = 'missing' in found ? found.missing.join('\n') : '';
    expect(why).toContain(`${variables[kind]} is not set`);
    expect(why).toMatch(/no container runtime|not made in containers/);
    expect(why).toContain('not installed: ');
    expect(await whyMissing(kind, bare)).toEqual('missing' in found ? found.missing : []);
  });
});

describe('tests that want a server', () => {
  const plan = { missing: { mariadb: ['not set', 'not installed'] } };

  test('run where there is one', () => {
    expect(fateOf('postgres', plan, undefined)).toEqual({ kind: 'run' });
    expect(fateOf('postgres', plan, '1')).toEqual({ kind: 'run' });
  });

  test('are skipped with the reasons where there is none', () => {
    const reason = 'no mariadb: not set; not installed';
    expect(fateOf('mariadb', plan, undefined)).toEqual({ kind: 'skip', reason });
  });

  test('fail with the reasons where servers are required', () => {
    const reason = 'no mariadb: not set; not installed';
    expect(fateOf('mariadb', plan, '1')).toEqual({ kind: 'fail', reason });
  });

  test('are told that a server has no address before they begin', () => {
    expect(() => new TestServer('redis').url).toThrow('ask for its url in a hook or a test');
  });
});

describe('the broker', () => {
  const aBroker = async (start: ConstructorParameters<typeof Broker>[0]): Promise<Broker> => {
    const broker = new Broker(start, 'broker-of-a-test');
    await broker.listen();
    return broker;
  };

  test('starts a server once, for all who ask at the same time, and stops it', async () => {
    const calls: string[] = [];
    const broker = await aBroker(async (kind) => {
      calls.push(`start ${kind}`);
      return { url: 'redis://here', stop: async () => void calls.push(`stop ${kind}`) };
    });
    const asked = [1, 2, 3].map(() => askBroker(broker.socket, 'redis'));
    expect(await Promise.all(asked)).toEqual(['redis://here', 'redis://here', 'redis://here']);
    await broker.stop();
    expect(calls).toEqual(['start redis', 'stop redis']);
  });

  test('tells everybody why a server does not start', async () => {
    const broker = await aBroker(() => Promise.reject(new Error('disk full')));
    await expect(askBroker(broker.socket, 'postgres')).rejects.toThrow('disk full');
    await broker.stop();
  });
});

test('a folder that a killed run left is removed by the next run', () => {
  // No process has this number: Linux ends at 4194304.
  const stale = path.join(tmpdir(), 'tercet-servers-4194305');
  mkdirSync(path.join(stale, 'mariadb-x'), { recursive: true });
  removeStaleFolders();
  expect(existsSync(stale)).toBe(false);
});

const starter = `
require('./servers').startServer('redis', { env: { PATH: process.env.PATH } }).then(({ url }) => console.log(url));
setInterval(() => undefined, 1000);`;

describeWith('redis', () => {
  test('a server ends with the process that started it, even where that was killed', async () => {
    const owner = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', starter], {
      cwd: __dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    afterTest(() => owner.kill('SIGKILL'));
    const url = await new Promise<string>((resolve) =>
      createInterface({ input: owner.stdout }).once('line', resolve),
    );
    const client = new Redis(url, { retryStrategy: () => null });
    client.on('error', () => undefined);
    expect(await client.ping()).toBe('PONG');
    const closed = new Promise((resolve) => client.once('end', resolve));
    const gone = new Promise((resolve) => owner.once('exit', resolve));
    owner.kill('SIGKILL');
    await Promise.all([closed, gone]);
    removeStaleFolders();
    expect(existsSync(path.join(tmpdir(), `tercet-servers-${owner.pid}`))).toBe(false);
  });
});
