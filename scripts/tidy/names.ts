import type { Problem } from './problem';

/** A drawer is opened for everything: its name says nothing about what is in it. */
const drawer = /^(.*[-_.])?(utils?|common|helpers?|misc)([-_.].*)?$/;

/** Folders and files named after nothing. A helper lives with its one user; with two it gets a noun. */
export function checkNames(paths: readonly string[]): Problem[] {
  return paths.flatMap((file) => {
    const part = file.split('/').find((name) => drawer.test(name));
    if (part === undefined) return [];
    return [{ file, line: 1, text: `"${part}" says nothing; name it after what it is about` }];
  });
}
