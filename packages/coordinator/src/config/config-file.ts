/** The file of settings: one YAML map, keys named like the flags, one value each. */
import { readFile } from 'node:fs/promises';
import { describeText, nearest } from '@tercet/core';
import type * as yaml from 'yaml';
import { type ConfigField, configFields } from './fields';

/** A value as it stands in the file. */
export interface FileValue {
  /** As it was written, without quotes: what a flag would have been given. */
  readonly given: string;
  /** Line of its key, from 1. */
  readonly line: number;
}

/** A file of settings that was read. */
export interface ConfigFile {
  /** As it was named. */
  readonly path: string;
  /** By key, which is the name of the flag. */
  readonly values: ReadonlyMap<string, FileValue>;
  /** What is wrong with the file, apart from the values themselves: each with file, line and key. */
  readonly problems: readonly string[];
}

/** The part of the package `yaml` that is needed: it is loaded only where a file is named. */
export type YamlParser = Pick<typeof yaml, 'parseDocument' | 'LineCounter' | 'isMap' | 'isScalar'>;

/** Reads a file of settings. Never rejects: what cannot be read is a problem that names the path. */
export async function readConfigFile(path: string, origin: string): Promise<ConfigFile> {
  if (path.trim() === '') return unread(path, `${origin} must name a file, got ""`);
  try {
    const text = await readFile(path, 'utf8');
    return parseConfigFile(path, text, await import('yaml'));
  } catch (error) {
    return unread(path, `${origin} ${path} cannot be read: ${reasonOf(error)}`);
  }
}

/** Takes the settings from the text of a file. */
export function parseConfigFile(path: string, text: string, parser: YamlParser): ConfigFile {
  const lines = new parser.LineCounter();
  const document = parser.parseDocument(text, {
    lineCounter: lines,
    // Told by us, with both lines.
    uniqueKeys: false,
    prettyErrors: false,
  });
  const lineAt = (position: number): number => lines.linePos(position).line;
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      ({ pos, message }) => `${path}:${lineAt(pos[0])} ${message}`,
    );
    return { path, values: new Map(), problems };
  }
  const content: unknown = document.contents;
  if (content === null || (parser.isScalar(content) && content.value === null)) {
    return { path, values: new Map(), problems: [] };
  }
  if (!parser.isMap(content)) {
    return unread(path, `${path}:1 must hold settings, one on a line, such as: log-level: info`);
  }
  return new SettingsReader({ path, parser, lineAt }).read(content.items);
}

interface ReaderDeps {
  readonly path: string;
  readonly parser: YamlParser;
  readonly lineAt: (position: number) => number;
}

class SettingsReader {
  private readonly values = new Map<string, FileValue>();
  private readonly lineOf = new Map<string, number>();
  private readonly problems: string[] = [];

  constructor(private readonly deps: ReaderDeps) {}

  read(items: readonly yaml.Pair[]): ConfigFile {
    for (const item of items) this.readPair(item);
    return { path: this.deps.path, values: this.values, problems: this.problems };
  }

  private readPair({ key, value }: yaml.Pair): void {
    const { parser, lineAt } = this.deps;
    const name = parser.isScalar(key) ? sourceOf(key) : undefined;
    const line = lineAt((key as yaml.Node | null)?.range?.[0] ?? 0);
    if (name === undefined) {
      this.problem(line, `a key must be the name of a setting${known('')}`);
      return;
    }
    const before = this.lineOf.get(name);
    if (before !== undefined) {
      this.problem(line, `${name} is set in line ${before} already; keep one of them`);
      return;
    }
    this.lineOf.set(name, line);
    if (!keys.has(name)) this.problem(line, `${shown(name)} is no setting${known(name)}`);
    else if (!parser.isScalar(value))
      this.problem(line, `${name} takes one value, got ${kindOf(value)}`);
    else if (value.value === null)
      this.problem(line, `${name} has no value; leave it out for its default`);
    else this.values.set(name, { given: sourceOf(value), line });
  }

  private problem(line: number, text: string): void {
    this.problems.push(`${this.deps.path}:${line} ${text}`);
  }
}

const fields = Object.values(configFields) as ConfigField[];
const keys = new Set(fields.map(({ flag }) => flag));

/** As written, so that `007` stays `007` and a large number keeps every digit. */
function sourceOf(scalar: yaml.Scalar): string {
  return scalar.source ?? String(scalar.value);
}

/** What was meant, as the end of a sentence; nothing where no name is close. */
function known(given: string): string {
  const camel = fields.find(({ name, env }) => name === given || env === given);
  if (camel !== undefined) return `; in a file it is ${camel.flag}`;
  const dashed = given.replace(/^-+/, '');
  if (keys.has(dashed)) return `; in a file it is ${dashed}, without dashes in front`;
  const near = nearest(given, [...keys]);
  return near === undefined ? '; docs/config.md lists them' : `; did you mean ${near}?`;
}

function shown(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : describeText(name);
}

function kindOf(value: unknown): string {
  const kind = (value as { readonly constructor: { readonly name: string } }).constructor.name;
  const words: Readonly<Record<string, string>> = {
    YAMLMap: 'a map',
    YAMLSeq: 'a list',
    Alias: 'an alias',
  };
  return words[kind] ?? 'something else';
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'EACCES') return 'this user may not read it';
  return message;
}

function unread(path: string, problem: string): ConfigFile {
  return { path, values: new Map(), problems: [problem] };
}
