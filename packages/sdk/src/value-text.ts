/** What callers in plain JavaScript passed, in a few words for an error text. */
import { describeText } from '@tercet/core';

/** Its kind only: `a string`, `an object`, `undefined`, `null`. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A text in quotes and shortened, numbers and booleans as they are, of everything else its kind. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return describeText(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}
