import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { fileDescriptors } from '@tercet/proto/descriptors';
import { describedFiles, moduleText } from './gen-descriptors';

const root = path.resolve(__dirname, '..');
let scratch = '';

beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'gen-descriptors-'));
});

afterAll(() => {
  rmSync(scratch, { recursive: true });
});

describe('the committed descriptors', () => {
  it('are the files of the image that buf builds, byte for byte', () => {
    const image = path.join(scratch, 'image.binpb');
    const buf = path.join(root, 'node_modules/.bin/buf');
    const flags = ['--as-file-descriptor-set', '--exclude-source-info', '-o', image];
    const built = spawnSync(buf, ['build', 'proto', ...flags], { cwd: root, encoding: 'utf8' });
    expect(built).toMatchObject({ status: 0, stderr: '' });
    const bytes = readFileSync(image);
    const committed = new Map(
      fileDescriptors().map((file) => [file.name, Buffer.from(file.bytes)]),
    );
    const { file: files } = fromBinary(FileDescriptorSetSchema, bytes);
    expect(files.map(({ name }) => name)).toContain('tercet/v1/coordinator.proto');
    for (const file of files) {
      const one = Buffer.from(toBinary(FileDescriptorProtoSchema, file));
      expect(committed.get(file.name)?.equals(one)).toBe(true);
      // Not only the same meaning: the very bytes that stand in the image.
      expect(bytes.includes(committed.get(file.name) ?? Buffer.from('none'))).toBe(true);
    }
  });

  it('stand after those that they import', () => {
    const seen = new Set<string>();
    for (const { name, bytes } of fileDescriptors()) {
      const { dependency } = fromBinary(FileDescriptorProtoSchema, bytes);
      for (const imported of dependency) expect(seen).toContain(imported);
      seen.add(name);
    }
    expect(seen.size).toBe(fileDescriptors().length);
  });

  it('hold gRPC’s health service under the name that all languages use', () => {
    const names = describedFiles(root).map(({ name }) => name);
    expect(names).toContain('grpc/health/v1/health.proto');
  });
});

it('writes one row for each file', () => {
  const text = moduleText([{ name: 'a.proto', bytes: Uint8Array.of(0, 255) }]);
  expect(text).toContain("  { name: 'a.proto', base64: 'AP8=' },\n");
});
