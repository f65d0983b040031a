import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compareFolders, findStale } from './check-generated';

const generated = 'packages/proto/gen';
let root = '';

function write(file: string, text: string): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'check-generated-'));
  symlinkSync(path.resolve(__dirname, '../node_modules'), path.join(root, 'node_modules'));
  write('buf.yaml', 'version: v2\nmodules:\n  - path: proto\n  - path: examples/a/proto\n');
  for (const [folder, name] of [
    ['.', 'one'],
    ['examples/a', 'two'],
  ]) {
    const out = folder === '.' ? generated : `${folder}/src/gen`;
    const source = path.posix.join(folder ?? '', 'proto');
    write(
      `${folder}/buf.gen.yaml`,
      `version: v2\ninputs:\n  - directory: ${source}\nplugins:\n  - local: protoc-gen-ts_proto\n    out: ${out}\n`,
    );
    write(`${source}/${name}.proto`, `syntax = "proto3";\n\npackage ${name};\n\nmessage M {}\n`);
  }
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

test('output that was never committed is missing, of the contracts and of each example', () => {
  expect(findStale(root)).toEqual([
    `${generated}/one.ts: missing`,
    'examples/a/src/gen/two.ts: missing',
  ]);
}, 30_000);

test('two folders of the same bytes do not differ; a byte more does, and so does a file more', () => {
  write('x/a.ts', 'a');
  write('y/a.ts', 'a');
  const x = path.join(root, 'x');
  const y = path.join(root, 'y');
  expect(compareFolders(x, y)).toEqual([]);

  appendFileSync(path.join(y, 'a.ts'), '\n');
  write('y/deep/b.ts', '');
  expect(compareFolders(x, y)).toEqual([
    'a.ts: differs from its source',
    'deep/b.ts: has no source any more',
  ]);
});
