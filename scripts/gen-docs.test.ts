import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { branchTransitions, errorCatalogue, globalTransitions } from '@tercet/core';
import { command, documents, main } from './gen-docs';

const repository = path.resolve(__dirname, '..');
let root = '';

function textOf(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'gen-docs-'));
  expect(main(root, [])).toBe(0);
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

describe('gen-docs', () => {
  test('what is committed is what the tables say today', () => {
    const args = ['--conditions=@tercet/source', 'scripts/gen-docs.ts', '--check'];
    const tsx = path.join(repository, 'node_modules', '.bin', 'tsx');
    const { status, stderr } = spawnSync(tsx, args, { cwd: repository, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  }, 30_000);

  test('--check finds nothing right after writing, and names each stale file and the command', () => {
    const lines: unknown[] = [];
    jest.spyOn(console, 'error').mockImplementation((line: unknown) => void lines.push(line));
    expect(main(root, ['--check'])).toBe(0);

    appendFileSync(path.join(root, 'docs/errors.md'), 'by hand\n');
    rmSync(path.join(root, 'docs/state-machine.md'));
    expect(main(root, ['--check'])).toBe(1);
    const files = ['docs/errors.md', 'docs/state-machine.md'];
    expect(lines).toEqual(files.map((file) => `${file} is stale: run \`${command}\``));
    expect(textOf('docs/errors.md')).toMatch(/by hand\n$/);

    expect(main(root, [])).toBe(0);
    expect(main(root, ['--check'])).toBe(0);
  });

  test('refuses an argument that it does not know, and writes nothing', () => {
    const silent = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    expect(main('/nowhere', ['--chekc'])).toBe(2);
    expect(silent).toHaveBeenCalledTimes(1);
  });

  test('gives the same text every time', () => {
    for (const { render } of documents) expect(render()).toBe(render());
  });
});

describe('docs/errors.md', () => {
  test.each(Object.entries(errorCatalogue))('has one row for %s', (code, row) => {
    const rows = textOf('docs/errors.md')
      .split('\n')
      .filter((line) => line.startsWith(`| \`${code}\` |`));
    const cells = [row.rpc, row.http, row.exit, row.retryable ? 'yes' : 'no', row.text, row.hint];
    const line = `| \`${code}\` | ${cells.join(' | ')} |`;
    expect(rows).toEqual([line.replaceAll('<', '&lt;')]);
  });
});

describe('docs/state-machine.md', () => {
  const moves = Object.entries({ ...globalTransitions, ...branchTransitions });
  test.each(moves)('shows %s in a table and as an arrow', (name, { from, to }) => {
    const text = textOf('docs/state-machine.md');
    expect(text).toContain(`| \`${name}\` | \`${from.join('`, `')}\` | \`${to}\` |`);
    for (const status of from) expect(text).toContain(`  ${status} --> ${to}: ${name}\n`);
  });

  test('ends every diagram where the statuses end', () => {
    const ends = textOf('docs/state-machine.md').match(/^ {2}\w+ --> \[\*\]$/gm);
    expect(ends).toEqual([
      '  confirmed --> [*]',
      '  cancelled --> [*]',
      '  confirmed --> [*]',
      '  cancelled --> [*]',
    ]);
  });
});
