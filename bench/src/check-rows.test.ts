import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { bareLike, base } from './configurations';
import { rowsOf } from './round-results';

const folder = mkdtempSync(path.join(tmpdir(), 'tercet-rows-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(script: string, ...args: readonly string[]) {
  const tsx = path.resolve(__dirname, '../../node_modules/tsx/dist/cli.mjs');
  const all = [tsx, '--conditions=@tercet/source', path.join(__dirname, script), ...args];
  return spawnSync(process.execPath, all, { encoding: 'utf8' });
}

function check(text: string) {
  const file = path.join(folder, 'rows.json');
  writeFileSync(file, text);
  return run('check-rows.ts', file);
}

const cpuUsPerTx = { load: 1, coordinator: 1, participants: 1 };
const round = { tps: 1, p50Ms: 1, p99Ms: 1, cpuUsPerTx, statementsPerTx: null };
const rows = rowsOf([
  { configuration: bareLike(base), rounds: [{ ...round, opsPerCommit: null }] },
  { configuration: base, rounds: [{ ...round, opsPerCommit: 1 }] },
]);

describe('the check of a file of rows', () => {
  it('passes what a run writes', () => {
    expect(check(JSON.stringify(rows))).toMatchObject({ status: 0, stderr: '' });
  });

  it('refuses a file without the two rows that everybody compares', () => {
    const { status, stderr } = check(JSON.stringify(rows.slice(0, 1)));
    expect(stderr).toContain('there is no row of streams at the base of the table');
    expect(status).toBe(1);
  });

  it.each([
    ['a row that is not right', '[{}]', 'row 1: variant is missing'],
    ['half a file', '[{', 'JSON'],
  ])('refuses %s', (_, text, message) => {
    const { status, stderr } = check(text);
    expect(stderr).toContain(message);
    expect(status).toBe(1);
  });

  it('refuses a file that is not there', () => {
    const { status, stderr } = run('check-rows.ts', path.join(folder, 'none.json'));
    expect(stderr).toContain('ENOENT');
    expect(status).toBe(1);
  });
});

describe('npm run bench', () => {
  it('lists its options', () => {
    const { status, stdout } = run('main.ts', '--help');
    expect(stdout).toContain('--quick');
    expect(status).toBe(0);
  });

  it('names what can be measured where --only finds nothing', () => {
    const { status, stderr } = run('main.ts', '--only', 'streams 63');
    expect(stderr).toContain('streams sqlite 64 2 executed');
    expect(status).toBe(1);
  });

  it('names the other figures where --check finds none', () => {
    const { status, stderr } = run('main.ts', '--check', 'finish');
    expect(stderr).toBe(
      '--check: there is no finish, only slow-confirm, hanging, returning, finished-store, retention, messages\n',
    );
    expect(status).toBe(1);
  });
});
