import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';

/**
 * The file beside this one that a thread runs, and how: the built one. Run from sources (tests, benchmarks), a thread knows
 * neither TypeScript nor the condition that names sources, so it gets both as options.
 */
export function threadEntry(name: string): ConstructorParameters<typeof Worker> {
  const extension = extname(__filename);
  const file = join(__dirname, `${name}${extension}`);
  if (extension !== '.ts') return [file];
  const loader = createRequire(__filename).resolve('tsx/cjs');
  return [file, { execArgv: ['--require', loader, '--conditions=@tercet/source'] }];
}
