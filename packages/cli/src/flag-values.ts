/** Parsers of option values that more than one command takes. They throw what commander reports with the option. */
import { InvalidArgumentError } from 'commander';

const LIMIT_MAX = 1_000;

/** A number of rows, 1 to 1,000. */
export function parseLimit(text: string): number {
  const count = Number(text);
  if (/^[0-9]+$/.test(text) && count >= 1 && count <= LIMIT_MAX) return count;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${LIMIT_MAX}.`);
}

/** A parser for a text of a person: not blank, at most so many characters. */
export function parseText(lengthMax: number): (text: string) => string {
  return (text) => {
    if (text.trim() !== '' && text.length <= lengthMax) return text;
    throw new InvalidArgumentError(`It must have 1 to ${lengthMax} characters and not be blank.`);
  };
}

/** A parser for one of some words. */
export function parseWord<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    throw new InvalidArgumentError(`It must be one of ${words.join(', ')}.`);
  };
}

/** A parser for words that may come as `a,b`, as repeated options, or both. */
export function parseWords<T extends string>(
  words: readonly T[],
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  const parse = parseWord(words);
  return (text, before = []) => {
    const given = text.split(',').map((word) => parse(word.trim()));
    return [...new Set([...before, ...given])];
  };
}
