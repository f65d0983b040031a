/** `tercet store backup`, `restore`, `quarantine` and `copy`: what they print, and how they end. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { tercet } from './support/recorded-run';

jest.setTimeout(60_000);

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-moves-'));
  folders.push(folder);
  return folder;
}

/** A store without transactions, and a backup of it. */
async function aBackup(): Promise<{ readonly store: string; readonly file: string }> {
  const folder = aFolder();
  const store = join(folder, 'data');
  const file = join(folder, 'backup.db');
  await tercet(`store migrate --data-dir ${store}`);
  return { store, file };
}

describe('tercet store', () => {
  test('backup, restore and copy tell what they did', async () => {
    const { store, file } = await aBackup();
    const made = await tercet(`store backup --data-dir ${store} --to ${file}`);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    expect(made.stdout).toMatch(
      new RegExp(
        `^store {3}sqlite in ${store}\nbackup {2}${file}\nsize {4}[0-9.]+ KiB\n` +
          'holds {3}0 transactions, 0 of them unfinished\n$',
      ),
    );
    const again = await tercet(`store backup --data-dir ${store} --to ${file}`);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain('a backup never replaces a file');

    const target = join(aFolder(), 'new');
    expect(await tercet(`store restore --from ${file} --store sqlite:${target}`)).toMatchObject({
      exitCode: 0,
      stdout:
        `backup    ${file}\nstore     sqlite in ${target}\nrestored  0 transactions\n` +
        'parked    0 unfinished, until an operator resumes or resolves them\n',
      stderr: 'Next: start a coordinator on it, then `tercet stuck --reason restored`\n',
    });

    const copy = join(aFolder(), 'copy');
    expect(await tercet(`store copy --from sqlite:${store} --to sqlite:${copy}`)).toMatchObject({
      exitCode: 0,
      stdout:
        `from    sqlite in ${store}\nto      sqlite in ${copy}\n` +
        'copied  0 transactions, 0 of them unfinished; all were compared\n',
      stderr: `Next: start a coordinator on the copy; never start one on sqlite in ${store} again\n`,
    });
  });

  test('all of them print one JSON object', async () => {
    const { store, file } = await aBackup();
    const json = async (line: string): Promise<unknown> => {
      return JSON.parse((await tercet(`store ${line} --json`)).stdout);
    };
    expect(await json(`backup --data-dir ${store} --to ${file}`)).toMatchObject({
      file,
      transactions: 0,
      unfinished: 0,
    });
    const target = join(aFolder(), 'new');
    const counts = { transactions: 0, unfinished: 0, tombstones: 0 };
    expect(await json(`restore --from ${file} --store sqlite:${target}`)).toEqual({
      store: `sqlite in ${target}`,
      file,
      ...counts,
    });
    expect(await json(`quarantine --data-dir ${target} --dry-run`)).toEqual({
      store: `sqlite in ${target}`,
      dryRun: true,
      unfinished: 0,
      parked: 0,
    });
    expect(await json(`copy --from sqlite:${target} --to sqlite:${target}-2`)).toEqual({
      from: `sqlite in ${target}`,
      to: `sqlite in ${target}-2`,
      ...counts,
    });
  });

  test('quarantine wants to be confirmed, by flag or at the terminal', async () => {
    const { store } = await aBackup();
    const line = `store quarantine --data-dir ${store}`;
    const unasked = await tercet(line);
    expect(unasked.exitCode).toBe(2);
    expect(unasked.stderr).toContain(`--confirm=sqlite:${store}`);
    expect((await tercet(`${line} --confirm elsewhere`)).exitCode).toBe(2);
    expect(await tercet(`${line} --confirm sqlite:${store}`)).toMatchObject({
      exitCode: 0,
      stdout: `store       sqlite in ${store}\nunfinished  0 transactions\nparked      0\n`,
    });
    const typed = await tercet(line, { typed: [`sqlite:${store}`] });
    expect(typed.exitCode).toBe(0);
    expect(typed.stderr).toContain('will be parked, and waits for an operator');
    expect((await tercet(line, { typed: ['yes'] })).exitCode).toBe(2);
    expect((await tercet(line, { typed: [undefined] })).exitCode).toBe(130);
  });

  test('what cannot be is refused, and nothing is made', async () => {
    const nowhere = join(aFolder(), 'new');
    const restore = await tercet(`store restore --from /no/file --store sqlite:${nowhere}`);
    expect(restore).toMatchObject({ exitCode: 1, stdout: '' });
    expect(restore.stderr).toContain('there is no such file');
    const server = await tercet('store backup --to x --store mysql://me:secret@db/tercet');
    expect(server.exitCode).toBe(2);
    expect(server.stderr).toContain('tercet store quarantine');
    expect(server.stderr).not.toContain('secret');
    const same = await tercet(`store copy --from sqlite:${nowhere} --to sqlite:${nowhere}`);
    expect(same.exitCode).toBe(2);
    const memory = await tercet(`store copy --from memory --to sqlite:${nowhere}`);
    expect(memory.exitCode).toBe(2);
    expect(existsSync(nowhere)).toBe(false);
  });

  test('help needs no coordinator', async () => {
    for (const command of ['backup', 'restore', 'quarantine', 'copy']) {
      const { exitCode, loaded } = await tercet(`store ${command} --help`);
      expect({ exitCode, loaded }).toEqual({ exitCode: 0, loaded: [] });
    }
  });
});
