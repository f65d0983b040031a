import { UsageError } from './usage-error';

/** What the parser needs to know of a setting; without a value name it is a switch. */
export interface ServerFlag {
  readonly flag: string;
  readonly valueName: string;
}

/**
 * Words after `tercet server` as flags by name. A switch is `'true'`; an option whose value is missing has the empty
 * text, an unknown one whatever follows it: the coordinator reports both, together with every other problem. The
 * last of a repeated option counts.
 */
export function parseServerFlags(
  words: readonly string[],
  known: readonly ServerFlag[],
): Readonly<Record<string, string>> {
  const switches = new Set(known.filter((f) => f.valueName === '').map(({ flag }) => flag));
  const flags: Record<string, string> = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) {
      throw new UsageError(
        `server takes options only, got ${JSON.stringify(word)}`,
        'see `tercet server --help`',
      );
    }
    if (value !== undefined) flags[name] = value;
    else if (switches.has(name)) flags[name] = 'true';
    else flags[name] = isValue(words[at + 1]) ? (words[++at] ?? '') : '';
  }
  return flags;
}

/** A value may begin with one dash (a folder may), never with two. */
function isValue(word: string | undefined): boolean {
  return word !== undefined && !word.startsWith('--');
}
