/** The programs as somebody starts them by hand, wrongly. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';

jest.setTimeout(30_000);

test.each([
  ['initiator', '--help', 'usage: initiator.js [--coordinator ADDRESS] '],
  ['initiator', 'now', 'usage: initiator.js [--coordinator ADDRESS] '],
  ['participants/stock', '--port=0', 'usage: stock.js|wallet.js|shipping.js --database FILE '],
  ['participants/wallet', '--help', 'usage: stock.js|wallet.js|shipping.js --database FILE '],
])('%s %s prints one line and ends with 2', (program, word, usage) => {
  const script = path.resolve(__dirname, `../src/${program}.ts`);
  const fromSource = ['--require', 'tsx/cjs', '--conditions=@tercet/source'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...fromSource, script, word], {
    encoding: 'utf8',
  });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr.startsWith(usage)).toBe(true);
  expect(stderr.split('\n')).toHaveLength(2);
});
