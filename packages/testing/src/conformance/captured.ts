/**
 * A snapshot as plain data that nobody changes any more, so that two of them can be compared and shown.
 *
 * S1 It is a deep copy: what the participant does afterwards is not in it.
 * S2 Names that differ from run to run (gids and run ids) stand in it by what they are, not by their digits.
 */
import { ConfigError } from '@tercet/sdk';

/** Captured data. Maps and class instances are objects, sets are lists in order, dates and bytes are texts. */
export type Captured =
  | null
  | undefined
  | boolean
  | number
  | string
  | bigint
  | readonly Captured[]
  | { readonly [key: string]: Captured };

/** Where a value stands, and what is around it. */
interface Place {
  readonly path: string;
  readonly within: readonly object[];
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Captures what `snapshot` returned. `names`: drawn names, and what stands in their place.
 * Throws ConfigError for what is no data, naming where it is.
 */
export function captured(value: unknown, names: ReadonlyMap<string, string>): Captured {
  return capture(value, { path: 'snapshot', within: [], names });
}

function capture(value: unknown, place: Place): Captured {
  switch (typeof value) {
    case 'string':
      return named(value, place.names);
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : captureObject(value, place);
    case 'function':
    case 'symbol':
      throw noData(place, `a ${typeof value}`);
  }
}

function captureObject(value: object, place: Place): Captured {
  if (place.within.includes(value)) throw noData(place, 'a reference to itself');
  const inside = (key: string): Place => ({
    ...place,
    path: `${place.path}${key}`,
    within: [...place.within, value],
  });
  if (Array.isArray(value)) return value.map((each, i) => capture(each, inside(`[${i}]`)));
  if (ArrayBuffer.isView(value)) return bytesText(value);
  // `instanceof` fails for objects of another realm, and test runners make some.
  switch (Object.prototype.toString.call(value)) {
    case '[object Date]':
      return dateText(value as Date);
    case '[object Map]':
      return captureEntries([...(value as Map<unknown, unknown>)].map(keyText), inside);
    case '[object Set]':
      return captureSet([...(value as Set<unknown>)], inside);
    case '[object Promise]':
      throw noData(place, 'a promise; await it');
    default:
      return captureEntries(Object.entries(value), inside);
  }
}

function captureEntries(
  entries: readonly (readonly [string, unknown])[],
  inside: (key: string) => Place,
): Captured {
  return Object.fromEntries(
    entries.map(([key, each]) => {
      const place = inside(`.${key}`);
      return [named(key, place.names), capture(each, place)];
    }),
  );
}

function captureSet(members: readonly unknown[], inside: (key: string) => Place): Captured {
  const all = members.map((each) => capture(each, inside('[…]')));
  const keyed = all.map((each) => [orderKey(each), each] as const);
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, each]) => each);
}

function orderKey(value: Captured): string {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? `${inner}n` : inner,
  );
  return text ?? 'undefined';
}

function keyText([key, value]: [unknown, unknown]): [string, unknown] {
  return [typeof key === 'string' ? key : orderKey(key as Captured), value];
}

function bytesText(view: ArrayBufferView): string {
  return `0x${Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex')}`;
}

function dateText(date: Date): string {
  const time = date.getTime();
  return Number.isNaN(time) ? 'invalid date' : new Date(time).toISOString();
}

/** S2: a text with names in the place of what was drawn. */
export function named(text: string, names: ReadonlyMap<string, string>): string {
  let said = text;
  for (const [drawn, name] of names) said = said.replaceAll(drawn, name);
  return said;
}

function noData({ path }: Place, what: string): ConfigError {
  return new ConfigError(
    `checkParticipant: ${path} is ${what}; snapshot must return plain data, such as rows and counts`,
    { option: 'snapshot' },
  );
}
