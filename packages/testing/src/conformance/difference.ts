/** Compares two states and says where they differ, one line for each place. */
import { inspect } from 'node:util';
import type { Captured } from './captured';

const LINES_MAX = 20;
const VALUE_CHARS_MAX = 160;

/** Lines such as `tea.free: expected 10, found 9`. Empty = the same. Absent and `undefined` are the same. */
export function differences(expected: Captured, found: Captured): readonly string[] {
  const lines: string[] = [];
  compare({ expected, found }, '', lines);
  const more = lines.length - LINES_MAX;
  return more > 0 ? [...lines.slice(0, LINES_MAX), `… and ${more} more`] : lines;
}

/** A value on one line. `sorted`: keys in order, so that equal values look the same. */
export function shown(value: unknown, { sorted = false } = {}): string {
  const text = inspect(value, { depth: 5, breakLength: Infinity, compact: true, sorted });
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX - 1)}…` : text;
}

interface Both {
  readonly expected: Captured;
  readonly found: Captured;
}

function compare({ expected, found }: Both, path: string, lines: string[]): void {
  if (Array.isArray(expected) && Array.isArray(found)) {
    const length = Math.max(expected.length, found.length);
    for (let i = 0; i < length; i += 1) {
      compareKey({ expected, found }, { key: String(i), path: `${path}[${i}]` }, lines);
    }
  } else if (isRecord(expected) && isRecord(found)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
    for (const key of [...keys].sort()) {
      const below = path === '' ? key : `${path}.${key}`;
      compareKey({ expected, found }, { key, path: below }, lines);
    }
  } else if (!same(expected, found)) {
    const at = path === '' ? '' : `${path}: `;
    lines.push(`${at}expected ${shown(expected)}, found ${shown(found)}`);
  }
}

function compareKey(
  { expected, found }: { readonly expected: object; readonly found: object },
  { key, path }: { readonly key: string; readonly path: string },
  lines: string[],
): void {
  const before = (expected as Readonly<Record<string, Captured>>)[key];
  const after = (found as Readonly<Record<string, Captured>>)[key];
  if (before === undefined && after !== undefined) {
    lines.push(`${path}: expected nothing, found ${shown(after)}`);
  } else if (before !== undefined && after === undefined) {
    lines.push(`${path}: expected ${shown(before)}, found nothing`);
  } else compare({ expected: before, found: after }, path, lines);
}

function same(a: Captured, b: Captured): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

function isRecord(value: Captured): value is { readonly [key: string]: Captured } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
