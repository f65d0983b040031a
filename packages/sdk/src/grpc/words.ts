/** Enums in a coordinator's answer → words. A number that this version does not know is refused, never defaulted. */
import { TercetError } from '@tercet/core';
import type { WireEnum } from '@tercet/runtime';

/** The word of an enum. Throws INTERNAL for an unknown number, 0 included. */
export function wordOf<Wire extends number, Word extends string>(
  table: WireEnum<Wire, Word>,
  wire: Wire,
): Word {
  const word = table.wordOf(wire);
  if (word !== undefined) return word;
  const message = `the coordinator answered with ${table.name} ${wire}, which this version does not know`;
  throw new TercetError('INTERNAL', { message });
}

/** The same where 0 is "nothing". */
export function wordOrNone<Wire extends number, Word extends string>(
  table: WireEnum<Wire, Word>,
  wire: Wire,
): Word | undefined {
  return wire === 0 ? undefined : wordOf(table, wire);
}
