import type { Problem } from './problem';

/** What the lint knows: the keys of its tables in scripts/lint/boundaries.mjs. */
export interface KnownPlaces {
  readonly packages: readonly string[];
  /** Folders of packages/coordinator/src. */
  readonly layers: readonly string[];
}

/** Reads the tables `packages` and `layers` from the text of boundaries.mjs. */
export function knownPlaces(boundaries: string): KnownPlaces {
  return { packages: keysOf(boundaries, 'packages'), layers: keysOf(boundaries, 'layers') };
}

/** Packages, layers and JavaScript files that no import rule would see. A place without rules is a way around them. */
export function checkPlaces(paths: readonly string[], known: KnownPlaces): Problem[] {
  const layers = [...known.layers, 'testing'];
  return paths.flatMap((file) => {
    const [top, name = '', , folder = '', ...rest] = file.split('/');
    if (top !== 'packages') return [];
    const problem = (text: string): Problem[] => [{ file, line: 1, text }];
    if (!known.packages.includes(name)) {
      return problem(`package ${name} has no import rules; add it to scripts/lint/boundaries.mjs`);
    }
    if (/^packages\/[^/]+\/src\/.*\.[cm]?jsx?$/.test(file)) {
      return problem('JavaScript in src escapes the type-aware rules; write TypeScript');
    }
    const inLayer = file.startsWith('packages/coordinator/src/') && rest.length > 0;
    if (!inLayer || layers.includes(folder)) return [];
    return problem(`layer ${folder} has no import rules; add it to scripts/lint/boundaries.mjs`);
  });
}

function keysOf(text: string, table: string): string[] {
  const start = text.indexOf(`\nconst ${table} = {`);
  const end = text.indexOf('\n};', start);
  if (start < 0 || end < 0) throw new Error(`boundaries.mjs has no table named ${table}`);
  return [...text.slice(start, end).matchAll(/^ {2}(\w+): /gm)].map(([, key]) => key ?? '');
}
