import { afterEach } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Runs `work` after the test, the latest first. */
export function afterTest(work: () => unknown): void {
  cleanUps.push(work);
}

/** A folder of its own for the test, removed afterwards. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-test-'));
  afterTest(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
