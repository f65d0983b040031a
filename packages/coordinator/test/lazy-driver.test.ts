import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const loader = require.resolve('tsx/cjs');

describe('a coordinator on the memory store', () => {
  it('loads no native driver: it runs where none can be loaded', () => {
    const source = `
      const { Coordinator } = require('@tercet/coordinator');
      const config = { store: 'memory', grpcAddress: '127.0.0.1:0', httpAddress: 'off' };
      const coordinator = new Coordinator({ config });
      coordinator.start().then(() => coordinator.stop()).then(() => {
        const loaded = Object.keys(require.cache);
        console.log(loaded.some((file) => file.endsWith('memory-store.ts')), loaded.filter((file) => /sqlite(3)?[/\\\\](dist|lib)|\\.node$/.test(file)).length);
      });`;
    const args = ['--require', loader, '--conditions=@tercet/source', '--eval', source];
    const out = execFileSync(process.execPath, args, {
      cwd: join(__dirname, '..'),
      encoding: 'utf8',
    });
    expect(out.trim()).toBe('true 0');
  });
});
