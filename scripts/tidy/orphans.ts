import path from 'node:path';
import ts from 'typescript';
import { type Problem, type SourceFile, isTest } from './problem';

/** Source files of the workspace that somebody must need. */
const watched = /^((packages|examples)\/[^/]+|bench)\/src\/.*\.ts$|^scripts\/.*\.ts$/;

/** Reached from outside the import graph: by a package's exports, a process start, a thread, a test. */
const entry = /(^|\/)(index|main|worker|[a-z-]+-worker)\.ts$|\/testing\//;

/** Files that name programs by path: `dist/demo.js`, `scripts/tidy.ts`. */
const naming = /(^|\/)(package\.json|Makefile|docker-compose\.yml|run|[^/]+\.(js|mjs|ts))$/;

/**
 * Files that nobody needs: neither imported, nor named by path in a program or a command. A test alone is no reason
 * to keep a file: what only its test needs, nobody needs.
 */
export function checkOrphans(files: readonly SourceFile[]): Problem[] {
  const needed = new Set(files.filter(({ path: name }) => !isTest(name)).flatMap(filesNeededBy));
  return files
    .filter(({ path: name }) => watched.test(name) && !entry.test(name) && !isTest(name))
    .filter(({ path: name }) => !endings(name).some((ending) => needed.has(ending)))
    .map(({ path: file }) => {
      const text = 'nobody imports it, tests aside; delete it or use it';
      return { file, line: 1, text };
    });
}

/** What a file imports, as whole paths, and what it names, as ends of paths. Never itself. */
function filesNeededBy(file: SourceFile): string[] {
  const imported = file.path.endsWith('.ts') ? importsOf(file) : [];
  const named = naming.test(file.path) ? pathsNamedIn(file) : [];
  const own = endings(file.path);
  return [...imported, ...named].filter((name) => !own.includes(name));
}

function importsOf({ path: name, text }: SourceFile): string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => path.posix.join(path.posix.dirname(name), fileName))
    .flatMap((target) => [`${target}.ts`, `${target}/index.ts`]);
}

/** Paths of programs in a text, built or not: `examples/checkout/dist/demo.js` names `…/src/demo.ts`. */
function pathsNamedIn({ path: name, text }: SourceFile): string[] {
  // In code only the end of a string names a program; a comment about a file does not need it.
  const pattern = /\.(ts|js|mjs)$/.test(name)
    ? /[\w@./-]+\.[jt]s(?=['"`])/g
    : /[\w@./-]+\.[jt]s\b/g;
  const words = text.match(pattern) ?? [];
  return words.map((word) =>
    word
      .replace(/^[./]+/, '')
      .replace(/(^|\/)dist\//, '$1src/')
      .replace(/\.js$/, '.ts'),
  );
}

/** `a/b/c.ts`, `b/c.ts`, `c.ts`. */
function endings(file: string): string[] {
  const parts = file.split('/');
  return parts.map((_, index) => parts.slice(index).join('/'));
}
