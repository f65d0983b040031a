import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useTempDirectories } from './support/temp-directory';

const tempDirectory = useTempDirectories();
const loader = require.resolve('tsx/cjs');

/** Level of the log that was set, and how many files of the YAML parser were loaded for it. */
function loadedWith(flags: object): string {
  const source = `
    const { loadConfig } = require('@tercet/coordinator');
    loadConfig({ flags: ${JSON.stringify(flags)} }).then(({ config }) => {
      const yaml = Object.keys(require.cache).filter((file) => /node_modules[/\\\\]yaml[/\\\\]/.test(file));
      console.log(config.logLevel, yaml.length > 0);
    });`;
  const args = ['--require', loader, '--conditions=@tercet/source', '--eval', source];
  const cwd = join(__dirname, '..');
  return execFileSync(process.execPath, args, { cwd, encoding: 'utf8' }).trim();
}

describe('settings', () => {
  it('load no YAML parser where no file is named', () => {
    expect(loadedWith({ 'log-level': 'warn' })).toBe('warn false');
    const config = join(tempDirectory(), 'tercet.yaml');
    writeFileSync(config, 'log-level: error\n');
    expect(loadedWith({ config })).toBe('error true');
  });
});
