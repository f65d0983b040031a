/**
 * Writes the file descriptors that gRPC reflection serves: what `buf build` made of the contracts and of gRPC's health
 * service, the bytes of each file as they stand there. With `--check` it writes nothing and exits 1 when the committed
 * ones are stale.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** The generated module, below the root of the repository. */
export const descriptorModule = 'packages/proto/src/descriptors/gen/files.ts';

/** Where gRPC's own contract comes from, and the name under which every language knows it. */
const health = {
  from: 'node_modules/grpc-health-check/proto/health/v1/health.proto',
  name: 'grpc/health/v1/health.proto',
};

/** A file of an image: its name and its encoded FileDescriptorProto. */
export interface DescribedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The files of the contracts and of health, each after those it imports. */
export function describedFiles(root: string): DescribedFile[] {
  const scratch = mkdtempSync(path.join(tmpdir(), 'descriptors-'));
  try {
    const copy = path.join(scratch, health.name);
    mkdirSync(path.dirname(copy), { recursive: true });
    copyFileSync(path.join(root, health.from), copy);
    const files = [...filesOf(buildImage(root, 'proto')), ...filesOf(buildImage(root, scratch))];
    return files.filter((file, i) => files.findIndex(({ name }) => name === file.name) === i);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Text of the generated module. */
export function moduleText(files: readonly DescribedFile[]): string {
  const rows = files.map(({ name, bytes }) => {
    return `  { name: '${name}', base64: '${Buffer.from(bytes).toString('base64')}' },\n`;
  });
  return `// Made by scripts/gen-descriptors.ts: run \`make proto\`.
/** Encoded FileDescriptorProtos, each after those it imports. */
export const encodedFiles: ReadonlyArray<{ readonly name: string; readonly base64: string }> = [
${rows.join('')}];
`;
}

/** Without the texts of the sources: reflection answers what programs need. */
function buildImage(root: string, input: string): Uint8Array {
  const buf = path.join(root, 'node_modules', '.bin', 'buf');
  const flags = ['--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb'];
  const { status, stdout, error } = spawnSync(buf, ['build', input, ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw error ?? new Error(`buf build ${input} failed`);
  return stdout;
}

/** Field 1 of a FileDescriptorSet, taken out as it is: decoding and encoding again might change bytes. */
function filesOf(image: Uint8Array): DescribedFile[] {
  return fieldsOf(image).map((bytes) => ({
    name: Buffer.from(fieldsOf(bytes)[0] ?? []).toString(),
    bytes,
  }));
}

/** Every field 1 of a message. */
function fieldsOf(message: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) found.push(reader.bytes());
    else reader.skip(wireType, field);
  }
  return found;
}

/** Writes the module, or with `--check` compares it. Answers the exit code. */
export function main(root: string, args: readonly string[]): number {
  const target = path.join(root, descriptorModule);
  const text = moduleText(describedFiles(root));
  if (!args.includes('--check')) {
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
    return 0;
  }
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return 0;
  console.error(`${descriptorModule} is stale`);
  return 1;
}

if (require.main === module) {
  process.exitCode = main(path.resolve(__dirname, '..'), process.argv.slice(2));
}
