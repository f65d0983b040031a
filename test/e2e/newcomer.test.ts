/**
 * The quick start of README.md, taken literally: its files are written and its commands run, in an empty folder of an
 * empty home, with the packed packages. What the page shows as output is what must come out.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { type Step, sectionOf, stepsOf } from '../support/markdown-steps';
import { newcomerEnv } from '../support/newcomer-env';
import { type Program, Terminal } from '../support/terminal';

jest.setTimeout(300_000);

const root = path.resolve(__dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const section = sectionOf(readme, 'Five minutes: your own participant and initiator');
const steps = stepsOf(section);
const home = mkdtempSync(path.join(tmpdir(), 'tercet-newcomer-'));
const programs: Program[] = [];

afterAll(() => {
  for (const program of programs) program.kill();
  rmSync(home, { recursive: true, force: true });
});

/** A home of one's own, but npm's cache and settings of this machine. */
function environment(): NodeJS.ProcessEnv {
  const env = newcomerEnv(root);
  const npm = (key: string): string =>
    execFileSync('npm', ['config', 'get', key], { cwd: home, env, encoding: 'utf8' }).trim();
  return {
    ...env,
    HOME: home,
    npm_config_cache: npm('cache'),
    npm_config_userconfig: npm('userconfig'),
    npm_config_audit: 'false',
    npm_config_update_notifier: 'false',
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Ports of the quick start that somebody else listens on. */
async function takenPorts(): Promise<number[]> {
  const named = [...section.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
  const ports = [...new Set(named)];
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, index) => free[index] === false);
}

async function take(terminal: Terminal, step: Step): Promise<void> {
  if (step.kind === 'file') {
    const target = path.join(terminal.folder, step.file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, step.text);
    return;
  }
  if (step.kind === 'program') {
    const program = terminal.program(step.text);
    programs.push(program);
    await program.shows(step.shows);
    expect(program.stdout).toBe(step.shows);
    return;
  }
  const { exitCode, stdout, stderr } = await terminal.run(step.text);
  if (exitCode !== 0) throw new Error(`${step.text}\nended with ${exitCode}\n${stdout}${stderr}`);
  if (step.shows !== undefined) expect(stdout).toBe(step.shows);
}

describe('the quick start', () => {
  test('is less than 60 lines of TypeScript and proto', () => {
    const files = steps.flatMap((step) => (step.kind === 'file' ? [step] : []));
    expect(files.map(({ file }) => file)).toEqual([
      'proto/seats.proto',
      'definition.ts',
      'participant.ts',
      'initiator.ts',
    ]);
    const lines = files.flatMap(({ text }) => text.trimEnd().split('\n'));
    expect(lines.length).toBeLessThan(60);
  });

  test('generates code in one command', () => {
    const commands = steps.flatMap((step) => (step.kind === 'commands' ? [step.text] : []));
    const generating = commands.filter((text) => text.includes('protoc-gen-ts_proto'));
    expect(generating.map((text) => text.trim().split('\n').length)).toEqual([1]);
  });

  // Versions that this workspace does not use are versions that nobody has tried.
  test('pins what the lockfile pins', () => {
    const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Readonly<Record<string, { readonly version: string }>>;
    };
    const pins = [...section.matchAll(/(?<=\s)(@?[a-z][\w/-]*)@(\d[\w.-]*)/g)];
    expect(pins.length).toBe(6);
    for (const [, name = '', version = ''] of pins) {
      expect([name, version]).toEqual([name, lock.packages[`node_modules/${name}`]?.version]);
    }
  });

  test('does what it says', async () => {
    const taken = await takenPorts();
    if (taken.length > 0) {
      throw new Error(`port ${taken.join(', ')} is taken; the quick start needs it: free it first`);
    }
    const terminal = new Terminal(environment(), root, home);
    // Whoever runs the tests on another Node.js means the newcomer's, too.
    expect((await terminal.run('node --version')).stdout).toBe(`${process.version}\n`);
    for (const step of steps) await take(terminal, step);
    expect(path.dirname(terminal.folder)).toBe(home);
    expect(programs).toHaveLength(2);

    for (const program of programs) await program.stop();
    expect(await takenPorts()).toEqual([]);
  });
});
