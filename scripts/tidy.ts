/**
 * Checks what neither the compiler nor the linter sees: sizes, leftovers, doc blocks, orphans, names, links, and that
 * the tests exist which docs/rules.md names.
 * `tsx scripts/tidy.ts [folder]` prints `file:line: what and how to mend` and exits 1 when anything must be mended.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkDocBlocks } from './tidy/doc-blocks';
import { checkLinks } from './tidy/links';
import { checkNames } from './tidy/names';
import { checkOrphans } from './tidy/orphans';
import { checkPlaces, knownPlaces } from './tidy/places';
import { type Problem, showProblem } from './tidy/problem';
import { listFiles, readTree } from './tidy/read-tree';
import { checkRules } from './tidy/rules-page';
import { checkSizes } from './tidy/sizes';
import { checkLockfile, checkWords } from './tidy/words';

/** Everything tidy finds below `root`, warnings included. */
export function findProblems(root: string): Problem[] {
  const paths = listFiles(root, '');
  const files = readTree(root);
  return [
    ...checkSizes(files),
    ...checkWords(files),
    ...checkLockfile(text(root, 'package-lock.json')),
    ...checkDocBlocks(files),
    ...checkOrphans(files),
    ...checkNames(paths),
    ...checkPlaces(paths, knownPlaces(text(root, 'scripts/lint/boundaries.mjs'))),
    ...checkLinks(files, paths),
    ...checkRules(files),
  ];
}

function text(root: string, file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** Prints the findings. Answers the exit code. */
export function main(root: string): number {
  const problems = findProblems(root);
  for (const problem of problems) console.error(showProblem(problem));
  const failures = problems.filter((problem) => problem.warning !== true);
  if (failures.length > 0) console.error(`tidy: ${failures.length} to mend`);
  return failures.length > 0 ? 1 : 0;
}

if (require.main === module) {
  process.exitCode = main(path.resolve(process.argv[2] ?? path.join(__dirname, '..')));
}
