import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { SourceFile } from './problem';

/** Folders that hold nothing written by hand, or nothing that is committed. */
const skippedFolders = new Set(['node_modules', 'dist', 'gen', 'coverage', '.git', 'tercet-data']);

/** Written by a tool, and checked on its own. */
const skippedTexts = new Set(['package-lock.json']);

const textEndings = /\.(ts|mts|js|mjs|json|md|proto|ya?ml|sql|txt|sh)$/;
const textNames = /(^|\/)(Makefile|Dockerfile|run|\.[a-z]+(ignore|rc|config|attributes))$/;

/** Every text file below `root`, in a stable order. */
export function readTree(root: string): SourceFile[] {
  return listFiles(root, '')
    .filter((file) => textEndings.test(file) || textNames.test(file))
    .filter((file) => !skippedTexts.has(file))
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }));
}

/** Every path below `root` that may be committed, texts or not, with forward slashes. */
export function listFiles(root: string, folder: string): string[] {
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : listFiles(root, name);
    return entry.isFile() ? [name] : [];
  });
}
