/** Where databases go: a durable commit in a file system that lives in memory would measure nothing. */
import { mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Types of file systems that live in memory, as Linux numbers them: tmpfs, ramfs. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Makes a folder below `parent`, or else below the first of the usual places that is on a disk. */
export function makeScratch(parent: string | undefined): string {
  const places = parent === undefined ? [tmpdir(), process.cwd()] : [parent];
  const place = places.find((one) => !inMemory.has(statfsSync(one).type)) ?? places[0] ?? '.';
  return mkdtempSync(join(place, 'tercet-bench-'));
}
