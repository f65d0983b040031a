/** Refuses options that do not exist: in plain JavaScript nobody else notices `timout`. */
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
  const unknown = Object.keys(given).filter((key) => !known.includes(key));
  const [first] = unknown;
  if (first === undefined) return;
  const nearest = nearestOf(first, known);
  const question = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  throw new ConfigError(
    `${where}: unknown ${unknown.join(', ')}${question}; known are ${known.join(', ')}`,
    { option: first },
  );
}

/** The known name that a typing error may have meant: at most half of it is wrong. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((each) => ({ each, distance: distanceOf(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= best.each.length / 2 ? best.each : undefined;
}

/** Levenshtein distance. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
