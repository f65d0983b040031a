/**
 * The Dockerfile without a container runtime: every RUN is run in a copy of what the COPY lines before it name, stage by
 * stage, and what comes out is started like a container would start it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { dockerIgnore } from '../support/docker-ignore';
import { instructionsOf, parseDockerfile } from '../support/dockerfile';
import { type BuiltStage, buildImages } from '../support/image-build';
import { newcomerEnv } from '../support/newcomer-env';

jest.setTimeout(420_000);

const root = path.resolve(__dirname, '../..');
const text = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const stages = parseDockerfile(text('Dockerfile'));
const scratch = mkdtempSync(path.join(tmpdir(), 'tercet-images-'));
let images: Map<string, BuiltStage>;

beforeAll(() => {
  const ignored = dockerIgnore(text('.dockerignore'));
  images = buildImages({ stages, context: root, ignored, scratch, env: newcomerEnv(root) });
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function image(name: string): BuiltStage {
  const found = images.get(name);
  if (found === undefined) throw new Error(`there is no stage ${name}`);
  return found;
}

/** What the image starts: ENTRYPOINT, then the words given, else CMD. */
function commandOf(name: string, words?: readonly string[]): string[] {
  const stage = stages.find((one) => one.name === name);
  const [entry, command] = ['ENTRYPOINT', 'CMD'].map((kind) =>
    stage === undefined ? [] : (instructionsOf(stage, kind).at(-1)?.words ?? []),
  );
  return [...(entry ?? []), ...(words ?? command ?? [])];
}

test('the images hold no sources, no tests, no tools', () => {
  for (const name of ['coordinator', 'participant']) {
    const { folder } = image(name);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const own = files.filter((file) => !file.startsWith('node_modules'));
    expect(own.filter((file) => /\/src(\/|$)|\.test\.|\.tsbuildinfo$/.test(file))).toEqual([]);
    const tools = ['typescript', 'jest', 'tsx', '@bufbuild/buf', '@swc/core'];
    const present = tools.filter((tool) => existsSync(path.join(folder, 'node_modules', tool)));
    expect(present).toEqual([]);
    expect(existsSync(path.join(image(name).root, 'data'))).toBe(true);
  }
});

test('the coordinator starts as in a container, is healthy by its own command, and ends by SIGTERM', async () => {
  const { folder, root: top, env } = image('coordinator');
  const [program = '', ...args] = commandOf('coordinator');
  const data = path.join(top, 'data');
  // What is fixed in a container is free here: the ports, and where /data is.
  const here = { TERCET_GRPC_ADDRESS: '127.0.0.1:0', TERCET_HTTP_ADDRESS: 'off' };
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...env, ...here, TERCET_DATA_DIR: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let address = '';
  for await (const line of createInterface({ input: child.stdout })) {
    address = /^ {2}gRPC {3}(\S+)/.exec(line)?.[1] ?? address;
    if (line === 'Ctrl-C stops it.') break;
  }
  const stage = stages.find(({ name }) => name === 'coordinator');
  const check = stage && instructionsOf(stage, 'HEALTHCHECK')[0]?.text.replace(/^CMD /, '');
  const [asking = '', ...words] = JSON.parse(check ?? '[]') as string[];
  const health = spawnSync(asking, words, {
    cwd: folder,
    env: { ...env, TERCET_ADDRESS: address },
    encoding: 'utf8',
  });
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(health).toMatchObject({ status: 0, stdout: `${address} is serving\n` });
  expect([child.exitCode, child.signalCode]).toEqual([0, null]);
  expect(readdirSync(data)).toContain('tercet.db');
});

test('without TERCET_INSECURE it does not listen beyond loopback', () => {
  const { folder, env } = image('coordinator');
  const [program = '', ...args] = commandOf('coordinator');
  const { status, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toContain('insecure');
});

test.each(['stock', 'wallet', 'shipping'])(
  '%s starts in the image, and ends by SIGTERM',
  async (name) => {
    const { folder, root: top, env } = image('participant');
    const program = `examples/checkout/dist/participants/${name}.js`;
    const database = path.join(top, 'data', `${name}.db`);
    const [node = '', ...words] = commandOf('participant', [
      ...[program, '--port', '0', '--database', database],
    ]);
    const child = spawn(node, words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout })) {
      expect(JSON.parse(line)).toMatchObject({ event: 'ready' });
      break;
    }
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  },
);
