import type { Problem, SourceFile } from './problem';

/** What no committed text may contain. The words are put together so that this file passes its own check. */
const forbidden: ReadonlyArray<{ readonly pattern: RegExp; readonly text: string }> = [
  {
    pattern: new RegExp(`\\b(${['TO', 'FIX', 'XX', 'HA'].join('|')})(DO|ME|X|CK)\\b`),
    text: 'leftover mark; do it now or open an issue',
  },
  {
    pattern: /\b(registry\.[a-z0-9-]+\.[a-z]+|[a-z0-9.-]+\/(api\/npm|repository\/npm)\b)/,
    text: 'names a package registry; clients know theirs from their own configuration',
  },
  {
    pattern: new RegExp(
      `(^|[\\s"'\`(=:])/(${['work', 'home', 'root', 'Users'].join('|')})/[\\w.-]`,
    ),
    text: 'path of one machine; say it relative to the repository',
  },
  {
    pattern: new RegExp(`${'eslint'}-disable(?!.*\\s--\\s+\\w)`),
    text: 'silences the linter without saying why; add ` -- reason`',
  },
];

/** Leftover marks, registry hosts, paths of somebody's machine, silenced tools without a reason. */
export function checkWords(files: readonly SourceFile[]): Problem[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        forbidden
          .filter(({ pattern }) => pattern.test(line))
          .map((rule) => ({ file: path, line: index + 1, text: rule.text })),
      ),
  );
}

/** A lockfile that names hosts installs from nowhere else. */
export function checkLockfile(text: string): Problem[] {
  const index = text.split('\n').findIndex((line) => /"resolved": "https?:/.test(line));
  if (index < 0) return [];
  const advice = 'names a registry host; `npm install` with this repository’s .npmrc leaves it out';
  return [{ file: 'package-lock.json', line: index + 1, text: advice }];
}
