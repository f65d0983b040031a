/** docs/guide/testing.md as a reader follows it: its files, run by Node’s own test runner. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { sectionOf, stepsOf } from '../support/markdown-steps';
import { root } from '../support/tarballs';

/** What a reader's own test would do with the server. */
const ownServerTest = `
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerCredentials } from '@grpc/grpc-js';
import { createTestCoordinator } from '@tercet/testing';
import { stockServer } from './own-server';
import { stock } from './stock';

test('is called, on the virtual clock', async () => {
  const env = await createTestCoordinator();
  const server = stockServer(env);
  const bound = (resolve: (port: number) => void) => (_: unknown, port: number) => resolve(port);
  const port = await new Promise<number>((resolve) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound(resolve)),
  );
  const { status } = await env.tercet.run({ name: 'order' }, (tx) =>
    tx.use(stock, { target: \`127.0.0.1:\${port}\` }).reserve({ sku: 'book', quantity: 2 }),
  );
  assert.equal(status, 'confirmed');
  await env.advance('1h');
  await env.close();
  server.forceShutdown();
});
`;

const folder = mkdtempSync(path.join(tmpdir(), 'tercet-guide-'));
const guide = readFileSync(path.join(root, 'docs/guide/testing.md'), 'utf8');
jest.setTimeout(120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  mkdirSync(path.join(folder, 'gen'));
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const generated = path.join(root, 'packages/testing/test/support/stock-service.ts');
  cpSync(generated, path.join(folder, 'gen/stock.ts'));
  writeFileSync(path.join(folder, 'own-server.test.ts'), ownServerTest);
  const sections = ['A first test', 'Without sockets, and with servers of your own'];
  for (const step of sections.flatMap((heading) => stepsOf(sectionOf(guide, heading)))) {
    if (step.kind === 'file') writeFileSync(path.join(folder, step.file), step.text);
  }
});

function ran(file: string): { readonly status: number | null; readonly stdout: string } {
  const flags = ['--require', 'tsx/cjs', '--conditions', '@tercet/source', '--test'];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  return spawnSync(process.execPath, [...flags, file], { cwd: folder, encoding: 'utf8', env });
}

describe('the guide to testing', () => {
  test('holds a suite that passes as it stands', () => {
    const { status, stdout } = ran('stock.test.ts');
    expect(stdout).toMatch(/# pass 5\n# fail 0/);
    expect(status).toBe(0);
  });

  test('shows a server of the reader’s own that works', () => {
    const { status, stdout } = ran('own-server.test.ts');
    expect(stdout).toMatch(/# pass 1\n# fail 0/);
    expect(status).toBe(0);
  });

  // Against the declarations of the build, as a reader's project would.
  test('compiles as strictly as it gets', () => {
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck'];
    const module = ['--target', 'es2023', '--module', 'node20', '--moduleResolution', 'node16'];
    const rest = ['--types', 'node'];
    const files = ['stock.test.ts', 'own-server.test.ts'];
    const all = [compiler, ...flags, ...module, ...rest, ...files];
    const { stdout } = spawnSync(process.execPath, all, { cwd: folder, encoding: 'utf8' });
    expect(stdout.split('\n').filter((line) => /^(stock|own-server)/.test(line))).toEqual([]);
  });
});
