import path from 'node:path';
import type { Problem, SourceFile } from './problem';

/** Relative links in documents that lead nowhere: the file is missing, or the heading is. */
export function checkLinks(files: readonly SourceFile[], paths: readonly string[]): Problem[] {
  const documents = files.filter(({ path: name }) => name.endsWith('.md'));
  const headings = new Map(documents.map((file) => [file.path, anchorsOf(file.text)]));
  const places = new Set(paths.flatMap(withFolders));
  return documents.flatMap((file) =>
    linksOf(file.text).flatMap(({ target, line }) => {
      const [place = '', anchor] = target.split('#');
      const found = place === '' ? file.path : resolveLink(file.path, place);
      const report = (text: string): Problem[] => [{ file: file.path, line, text }];
      if (!places.has(found)) return report(`link to ${target}: there is no ${found}`);
      const known = headings.get(found);
      if (anchor === undefined || anchor === '' || known === undefined) return [];
      return known.has(anchor) ? [] : report(`link to ${target}: no heading makes #${anchor}`);
    }),
  );
}

interface Link {
  readonly target: string;
  readonly line: number;
}

/** Inline links, images and reference definitions; code is skipped, and so is what has a scheme. */
function linksOf(text: string): Link[] {
  return withoutFences(text).flatMap((whole, index) => {
    const line = whole.replace(/`[^`]*`/g, '');
    const inline = [...line.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)];
    const reference = [...line.matchAll(/^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)/g)];
    return [...inline, ...reference]
      .map((match) => (match[1] ?? '').replaceAll('%20', ' '))
      .filter((target) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target))
      .map((target) => ({ target, line: index + 1 }));
  });
}

/** The lines of a document, fenced blocks blanked; the count of lines stays. */
function withoutFences(text: string): string[] {
  let fence: string | undefined;
  return text.split('\n').map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (fence === undefined && mark === undefined) return line;
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence) === true) fence = undefined;
    return '';
  });
}

function resolveLink(from: string, place: string): string {
  const joined = place.startsWith('/')
    ? place.slice(1)
    : path.posix.join(path.posix.dirname(from), place);
  return joined.replace(/\/$/, '') || '.';
}

/** Anchors as code hosts make them: lower case, punctuation gone, blanks to dashes, repeats numbered. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const line of withoutFences(text)) {
    const explicit = /<a (?:id|name)="([^"]+)"/.exec(line)?.[1];
    if (explicit !== undefined) anchors.add(explicit);
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

function slugOf(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return plain
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replace(/ /g, '-');
}

/** A file and every folder above it: a link may lead to either. */
function withFolders(file: string): string[] {
  const parts = file.split('/');
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}
