/** Refuses options that do not exist: in plain JavaScript nobody else notices `timout`. */
import { nearest } from '@tercet/core';
import { ConfigError } from './errors';
import { kindOf } from './value-text';

/** The names of all options of `T`. The compiler keeps the table complete. */
export function namesOf<T>(names: Readonly<Record<keyof T, true>>): readonly string[] {
  return Object.keys(names);
}

/** Throws ConfigError where `given` is no object, or has a key that is not known, naming the nearest one. */
export function refuseUnknown(where: string, given: object, known: readonly string[]): void {
  // Callers in plain JavaScript pass anything.
  if (typeof given !== 'object' || (given as object | null) === null) {
    throw new ConfigError(`${where} must be given an object of options, got ${kindOf(given)}`);
  }
  const keys = Object.keys(given);
  const first = keys.find((key) => !known.includes(key));
  if (first === undefined) return;
  const unknown = keys.filter((key) => !known.includes(key));
  const meant = nearest(first, known);
  const question = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new ConfigError(
    `${where}: unknown ${unknown.join(', ')}${question}; known are ${known.join(', ')}`,
    { option: first },
  );
}

/** Throws ConfigError where `value` is neither `auto` nor `unary`. */
export function checkTransport(option: string, value: 'auto' | 'unary'): void {
  if (['auto', 'unary'].includes(value)) return;
  throw new ConfigError(`${option} must be 'auto' or 'unary', got ${String(value)}`, { option });
}
