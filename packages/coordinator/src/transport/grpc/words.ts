import { TercetError } from '@tercet/core';
import type { WireEnum } from '@tercet/runtime';

/** A field of a request that holds an enum. */
export interface EnumField<Word extends string> {
  /** Path of the field, for the error. */
  readonly field: string;
  /** What 0 means; without it 0 is refused. */
  readonly unspecified?: Word;
}

/**
 * The word of a request's enum value. An unknown number is refused, never defaulted; the error lists the names that a
 * client sends.
 */
export function requestedWord<Wire extends number, Word extends string>(
  table: WireEnum<Wire, Word>,
  wire: number,
  { field, unspecified }: EnumField<Word>,
): Word {
  const word = wire === 0 ? unspecified : table.wordOf(wire);
  if (word !== undefined) return word;
  const what = wire === 0 ? 'it must be set' : `unknown value ${wire}`;
  const message = `${field}: ${what}; one of ${table.wireNames.join(', ')}`;
  throw new TercetError('INVALID_ARGUMENT', { message, details: { field } });
}
