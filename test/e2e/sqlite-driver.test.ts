/** Which SQLite is used: Node's own where there is one, so from 24 on; else the package with the same API. */
import { spawnSync } from 'node:child_process';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { aFolder } from '../support/clean-up';

const root = path.resolve(__dirname, '../..');
const builtIn = isBuiltin('node:sqlite');
const major = Number(process.versions.node.split('.')[0]);

/**
 * Runs a program that uses the built code and calls `report()` while its database is open. Answers the native files of
 * the foreign driver that the process has loaded by then, in whatever thread.
 */
function driverFilesOf(program: string): string[] {
  const report = `process.report.excludeNetwork = true;
    const report = () => console.log(JSON.stringify(
      process.report.getReport().sharedObjects.filter((file) => file.includes('@photostructure'))));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--eval', report + program], {
    cwd: root,
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
  // A driver that Node still calls experimental would write a warning into everybody's log.
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as string[];
}

function programs(): Readonly<Record<string, string>> {
  const folder = aFolder();
  const file = JSON.stringify(path.join(folder, 'example.db'));
  const config = JSON.stringify({
    grpcAddress: '127.0.0.1:0',
    httpAddress: 'off',
    dataDir: path.join(folder, 'data'),
    logLevel: 'silent',
  });
  return {
    'the coordinator': `const { Coordinator } = require('@tercet/coordinator');
      const coordinator = new Coordinator({ config: ${config} });
      coordinator.start().then(report).then(() => coordinator.stop());`,
    'the example': `const { openDatabase } = require('./examples/checkout/dist/database.js');
      openDatabase(${file}).then((db) => { db.exec('CREATE TABLE t (a)'); report(); db.close(); });`,
  };
}

test('Node.js 24 has one, Node.js 20 has none', () => {
  if (major >= 24) expect(builtIn).toBe(true);
  if (major <= 20) expect(builtIn).toBe(false);
});

test.each(['the coordinator', 'the example'])('%s uses it where it is there', (name) => {
  const loaded = driverFilesOf(programs()[name] ?? '');
  expect(loaded.length > 0).toBe(!builtIn);
});
