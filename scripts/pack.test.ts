/** What a tarball holds, on a workspace made for the test: P1 to P6 of stage-package.ts. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { packAll } from './pack';
import { type Manifest, promisedPaths, readManifest } from './pack/public-packages';
import { packedManifest, tarballName } from './pack/stage-package';

const lint = path.join(__dirname, 'pack/lint-tarballs.mjs');

const one: Manifest = {
  name: '@tercet/one',
  version: '1.2.3',
  files: ['dist'],
  exports: {
    '.': {
      '@tercet/source': './src/index.ts',
      types: './dist/index.d.ts',
      default: './dist/index.js',
    },
  },
  dependencies: { '@tercet/zero': '1.2.3', pino: '^10.0.0' },
};

let root = '';

function write(file: string, text: string): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function contents(tarball: string): string[] {
  const { stdout } = spawnSync('tar', ['tzf', tarball], { encoding: 'utf8' });
  return stdout.trim().split('\n').sort();
}

function textIn(tarball: string, file: string): string {
  return spawnSync('tar', ['xzOf', tarball, file], { encoding: 'utf8' }).stdout;
}

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'pack-test-'));
  write('LICENSE', 'yes');
  write('packages/one/package.json', JSON.stringify(one));
  write('packages/one/README.md', '# one');
  write('packages/one/src/index.ts', '');
  write('packages/one/src/testing/double.ts', '');
  write('packages/one/src/index.test.ts', '');
  write('packages/one/dist/index.js', "'use strict';\n//# sourceMappingURL=index.js.map\n");
  write('packages/one/dist/index.d.ts', 'export {};\n//# sourceMappingURL=index.d.ts.map');
  write('packages/one/dist/index.js.map', '{}');
  write('packages/one/dist/index.test.js', '');
  write('packages/one/dist/removed-last-year.js', '');
  write('packages/one/dist/testing/double.js', '');
  write('packages/one/tsconfig.tsbuildinfo', '{}');
  write(
    'packages/own/package.json',
    JSON.stringify({ ...one, name: '@tercet/own', private: true }),
  );
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

describe('a tarball', () => {
  let tarballs: readonly string[] = [];

  beforeAll(() => {
    tarballs = packAll({ root, out: path.join(root, 'out'), destination: 'disk' });
  }, 60_000);

  test('is made of every package that is not private', () => {
    expect(tarballs.map((file) => path.basename(file))).toEqual(['tercet-one-1.2.3.tgz']);
  });

  // P1, P4
  test('holds compiled code with a source, licence and README; no tests, doubles, leftovers, maps', () => {
    expect(contents(tarballs[0] ?? '')).toEqual([
      'package/LICENSE',
      'package/README.md',
      'package/dist/index.d.ts',
      'package/dist/index.js',
      'package/package.json',
    ]);
  });

  // P3
  test('refers to no source map', () => {
    const [tarball = ''] = tarballs;
    expect(textIn(tarball, 'package/dist/index.js')).toBe("'use strict';\n");
    expect(textIn(tarball, 'package/dist/index.d.ts')).toBe('export {};\n');
  });

  test('cannot be made without a build', () => {
    rmSync(path.join(root, 'packages/one/dist'), { recursive: true });
    const out = path.join(root, 'out');
    expect(() => packAll({ root, out, destination: 'disk' })).toThrow(/run `make build` first/);
    // The former tarballs stay until there are new ones.
    expect(existsSync(tarballs[0] ?? '')).toBe(true);
  });
});

describe('a manifest', () => {
  // P2
  test('names nothing of the sources', () => {
    const packed = packedManifest(one, 'registry');
    expect(promisedPaths(packed)).toEqual(['dist/index.d.ts', 'dist/index.js']);
    expect(packed.dependencies).toEqual(one.dependencies);
    expect(packed.private).toBeUndefined();
  });

  // P5
  test('has none of the scripts with which a package packs itself', () => {
    const scripted = { ...one, scripts: { prepack: 'true' } };
    for (const destination of ['disk', 'registry'] as const) {
      expect(packedManifest(scripted, destination).scripts).toBeUndefined();
    }
  });

  // P6
  test('for the disk names its kin as files beside it, and cannot be published', () => {
    const packed = packedManifest(one, 'disk');
    expect(packed.dependencies).toEqual({
      '@tercet/zero': 'file:tercet-zero-1.2.3.tgz',
      pino: '^10.0.0',
    });
    expect(packed.private).toBe(true);
  });

  test('and npm agree about the name of a tarball', () => {
    expect(tarballName('@tercet/one', '1.2.3')).toBe('tercet-one-1.2.3.tgz');
  });
});

describe('the lint of tarballs', () => {
  test('finds an export that is not there', () => {
    const out = path.join(root, 'broken');
    write('packages/one/dist/index.js', 'exports.a = 1;\n');
    const [tarball = ''] = packAll({ root, out, destination: 'registry' });
    const { status, stderr } = spawnSync(process.execPath, [lint, tarball], { encoding: 'utf8' });
    expect(stderr).toMatch(/tercet-one-1\.2\.3\.tgz: .*index\.d\.ts.*does not exist/);
    expect(status).toBe(1);
  }, 60_000);

  test('is not content with nothing', () => {
    expect(spawnSync(process.execPath, [lint]).status).toBe(1);
  });
});

test('every public package of this workspace has one version, and asks for its kin in just that one', () => {
  const workspace = path.resolve(__dirname, '..');
  const names = ['core', 'proto', 'runtime', 'coordinator', 'sdk', 'cli'];
  const manifests = names.map((name) => readManifest(path.join(workspace, 'packages', name)));
  const versions = manifests.flatMap(({ version, dependencies = {} }) => [
    version,
    ...Object.entries(dependencies)
      .filter(([name]) => name.startsWith('@tercet/'))
      .map(([, range]) => range),
  ]);
  expect(new Set(versions).size).toBe(1);
  expect(readFileSync(path.join(workspace, 'LICENSE'), 'utf8')).toContain('Apache License');
});
