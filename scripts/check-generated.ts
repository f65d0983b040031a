/**
 * Generates everything that is generated a second time, beside the repository, and compares byte for byte. Committed
 * output that differs from its source is the kind of drift nobody sees in review.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';

/** The part of buf.gen.yaml that says where output goes. */
interface Template {
  readonly plugins: ReadonlyArray<{ readonly out: string }>;
}

/** Files below two folders that differ, with the reason: `a.ts: missing`. */
export function compareFolders(expected: string, actual: string): string[] {
  const wanted = filesBelow(expected);
  const present = filesBelow(actual);
  const missing = wanted.filter((file) => !present.includes(file));
  const extra = present.filter((file) => !wanted.includes(file));
  const changed = wanted
    .filter((file) => present.includes(file))
    .filter((file) => !read(expected, file).equals(read(actual, file)));
  return [
    ...missing.map((file) => `${file}: missing`),
    ...extra.map((file) => `${file}: has no source any more`),
    ...changed.map((file) => `${file}: differs from its source`),
  ].sort();
}

/** Every difference between committed output and what its sources generate now. */
export function findStale(root: string): string[] {
  const scratch = mkdtempSync(path.join(tmpdir(), 'generated-'));
  try {
    return templatesIn(root).flatMap((template) => staleOf({ root, template, scratch }));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The contracts' template, and one per example that has contracts of its own. All run from the root. */
function templatesIn(root: string): string[] {
  const examples = path.join(root, 'examples');
  const names = existsSync(examples) ? readdirSync(examples).sort() : [];
  const templates = names.map((name) => `examples/${name}/buf.gen.yaml`);
  return ['buf.gen.yaml', ...templates.filter((file) => existsSync(path.join(root, file)))];
}

interface Generation {
  readonly root: string;
  readonly template: string;
  readonly scratch: string;
}

function staleOf({ root, template, scratch }: Generation): string[] {
  run(root, ['buf', 'generate', '--template', template, '--output', scratch]);
  const { plugins } = parse(readFileSync(path.join(root, template), 'utf8')) as Template;
  const outs = [...new Set(plugins.map(({ out }) => out))];
  return outs.flatMap((out) =>
    compareFolders(path.join(scratch, out), path.join(root, out)).map((line) => `${out}/${line}`),
  );
}

/** What our own generators make: each compares by itself and names what is stale. */
const generators = ['scripts/gen-descriptors.ts', 'scripts/gen-docs.ts'];

/** Whether they all find what they made fresh. Every one is asked. */
function checkGenerators(root: string): boolean {
  const failed = generators
    .filter((generator) => existsSync(path.join(root, generator)))
    .map((generator) => ['tsx', '--conditions=@tercet/source', generator, '--check'])
    .filter((command) => start(root, command).status !== 0);
  return failed.length === 0;
}

function run(root: string, command: readonly string[]): void {
  const { status, error } = start(root, command);
  if (status !== 0) throw error ?? new Error(`${command.join(' ')} failed`);
}

function start(
  root: string,
  [program = '', ...rest]: readonly string[],
): ReturnType<typeof spawnSync> {
  // buf looks for its plugin on the PATH; this must also work when npm did not start us.
  const bin = path.join(root, 'node_modules', '.bin');
  const searchPath = [bin, process.env['PATH'] ?? ''].join(path.delimiter);
  const env = { ...process.env, PATH: searchPath };
  return spawnSync(path.join(bin, program), rest, { cwd: root, env, stdio: ['ignore', 2, 2] });
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

function read(folder: string, file: string): Buffer {
  return readFileSync(path.join(folder, file));
}

function main(root: string): number {
  const stale = findStale(root);
  for (const line of stale) console.error(line);
  const restIsFresh = checkGenerators(root);
  if (stale.length === 0 && restIsFresh) return 0;
  console.error('generated files are stale: run `make proto` and commit the result');
  return 1;
}

if (require.main === module) process.exitCode = main(path.resolve(__dirname, '..'));
