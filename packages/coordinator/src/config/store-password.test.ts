import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TercetError } from '@tercet/core';
import { loadConfig } from './load-config';
import type { ConfigSources } from './resolve-config';

let folder = '';
const store = 'mysql://app@db:3306/tercet';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-password-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileOf(text: string, name = 'password'): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function storeOf(sources: Pick<ConfigSources, 'flags' | 'env'>): Promise<string> {
  return (await loadConfig(sources)).config.store;
}

async function problemsOf(sources: Pick<ConfigSources, 'flags' | 'env'>): Promise<string> {
  try {
    await loadConfig(sources);
  } catch (error) {
    if (error instanceof TercetError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  return 'none';
}

describe("the password of the store's server", () => {
  const made = 'mysql://app:se%3Acret@db:3306/tercet';

  it('comes from the URL, a file or the environment', async () => {
    expect(await storeOf({ flags: { store: made } })).toBe(made);
    const file = fileOf('se:cret\n');
    expect(await storeOf({ flags: { store, 'store-password-file': file } })).toBe(made);
    const env = { TERCET_STORE: store, TERCET_STORE_PASSWORD_FILE: file };
    expect(await storeOf({ env })).toBe(made);
    expect(await storeOf({ env: { TERCET_STORE: store, TERCET_STORE_PASSWORD: 'se:cret' } })).toBe(
      made,
    );
    const config = fileOf(`store: ${store}\nstore-password-file: ${file}\n`, 'tercet.yaml');
    expect(await storeOf({ flags: { config } })).toBe(made);
  });

  it('ends where the line ends, and may hold blanks', async () => {
    const file = fileOf(' a b \r\n');
    expect(await storeOf({ flags: { store, 'store-password-file': file } })).toBe(
      'mysql://app:%20a%20b%20@db:3306/tercet',
    );
  });

  it('is none of an embedded store', async () => {
    const env = { TERCET_STORE_PASSWORD: 'secret' };
    expect(await storeOf({ env })).toBe('sqlite');
    expect(await storeOf({ flags: { 'store-password-file': 'none' } })).toBe('sqlite');
  });

  it('stands in one place', async () => {
    const file = fileOf('secret');
    const env = { TERCET_STORE_PASSWORD: 'secret' };
    expect(await problemsOf({ flags: { store: made }, env })).toContain(
      '--store has a password already, TERCET_STORE_PASSWORD gives another one',
    );
    expect(await problemsOf({ flags: { store: made, 'store-password-file': file } })).toContain(
      '--store has a password already, --store-password-file gives another one',
    );
    expect(await problemsOf({ flags: { store, 'store-password-file': file }, env })).toContain(
      '--store-password-file and TERCET_STORE_PASSWORD both give a password',
    );
  });

  it('is told together with every other problem where its file cannot be read', async () => {
    const missing = join(folder, 'none');
    const flags = { store, 'store-password-file': missing, 'node-ttl': '500ms' };
    expect(await problemsOf({ flags })).toBe(
      'the configuration has 2 problems:\n' +
        '  - --node-ttl must be at least 1s, got "500ms"\n' +
        `  - --store-password-file ${missing} cannot be read: there is no such file`,
    );
    const env = { TERCET_STORE: store, TERCET_STORE_PASSWORD_FILE: fileOf('\n', 'empty') };
    expect(await problemsOf({ env })).toContain(
      `TERCET_STORE_PASSWORD_FILE (--store-password-file) ${join(folder, 'empty')} is empty`,
    );
  });

  it('is in no text of an error', async () => {
    const flags = { store: 'mysql://app:secret@db:3306/', 'log-level': 'loud' };
    const problems = await problemsOf({ flags });
    expect(problems).toContain('--store must name one database');
    expect(problems).not.toContain('secret');
  });
});
