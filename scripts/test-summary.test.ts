import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'test-summary-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Prints the summary of result files with these texts; `undefined`: of a file that is not there. */
function summary(...texts: readonly (string | undefined)[]): {
  readonly line: string;
  readonly code: number | null;
} {
  const files = texts.map((text, index) => {
    const file = path.join(folder, `result-${index}.json`);
    rmSync(file, { force: true });
    if (text !== undefined) writeFileSync(file, text);
    return file;
  });
  const script = path.join(__dirname, 'test-summary.js');
  const child = spawnSync(process.execPath, [script, ...files], { encoding: 'utf8' });
  return { line: child.stdout, code: child.status };
}

function result(passed: number, failed: number, brokenSuites: number): string {
  return JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numRuntimeErrorTestSuites: brokenSuites,
  });
}

test.each([
  ['all passed', result(3, 0, 0), '3 passed, 0 failed\n', 0],
  ['one failed', result(3, 1, 0), '3 passed, 1 failed\n', 1],
  ['two suites could not run', result(3, 1, 2), '3 passed, 3 failed\n', 1],
  ['nothing ran', result(0, 0, 0), '0 passed, 0 failed\n', 1],
  ['the file is torn', '{', '0 passed, 1 failed\n', 1],
  ['there is no file', undefined, '0 passed, 1 failed\n', 1],
])('%s', (_title, text, line, code) => {
  expect(summary(text)).toEqual({ line, code });
});

test('two runs are added up, and each must be good', () => {
  expect(summary(result(3, 0, 0), result(2, 0, 0))).toEqual({
    line: '5 passed, 0 failed\n',
    code: 0,
  });
  expect(summary(result(3, 0, 0), result(2, 1, 0))).toEqual({
    line: '5 passed, 1 failed\n',
    code: 1,
  });
  expect(summary(result(3, 0, 0), undefined)).toEqual({ line: '3 passed, 1 failed\n', code: 1 });
  expect(summary(result(3, 0, 0), result(0, 0, 0)).code).toBe(1);
});

test('no run at all is no success', () => {
  expect(summary()).toEqual({ line: '0 passed, 0 failed\n', code: 1 });
});
