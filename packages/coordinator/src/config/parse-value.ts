/** Texts of settings → values. Each throws an Error that says what would be right. */
import { parseDuration } from '@tercet/core';

/** A `host:port` to listen on; port 0 is one. */
export function address(given: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):([0-9]{1,5})$/.exec(given);
  if (match !== null && Number(match[2]) <= 65_535) return given;
  throw new Error('must be host:port, such as 127.0.0.1:8420 or [::1]:8420');
}

/** `true` or `false`. */
export function boolean(given: string): boolean {
  if (given === 'true' || given === '1') return true;
  if (given === 'false' || given === '0') return false;
  throw new Error('must be true or false');
}

/** A duration of at most 24 h, as milliseconds. */
export function duration(given: string): number {
  const ms = parseDuration(given);
  if (ms !== undefined && ms <= 86_400_000) return ms;
  throw new Error('must be a duration of at most 24h, such as 500ms, 5s or 2m');
}

/** A duration of at least so many milliseconds, at most 24 h. */
export function atLeastMs(least: number, given: string): number {
  const ms = duration(given);
  if (ms >= least) return ms;
  throw new Error(`must be at least ${least / 1_000}s`);
}

const DAY_MS = 86_400_000;
/** Ten years. */
const LONG_MS_MAX = 3_650 * DAY_MS;

/** A duration of at least so many milliseconds, at most ten years; days may be given as `7d`. */
export function longDuration(least: number, given: string): number {
  const days = /^([0-9]+(?:\.[0-9]+)?)d$/.exec(given.trim())?.[1];
  const ms = days === undefined ? parseDuration(given) : Math.round(Number(days) * DAY_MS);
  if (ms !== undefined && ms >= least && ms <= LONG_MS_MAX) return ms;
  throw new Error(`must be a duration of ${least / 60_000}m to 3650d, such as 7d or 12h`);
}

/** `off`, or a value. */
export function offOr<T>(parse: (given: string) => T): (given: string) => T | 'off' {
  return (given) => {
    if (given === 'off') return 'off';
    try {
      return parse(given);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}, or off`);
    }
  };
}

/** A whole number of at least 1. */
export function positive(given: string): number {
  return atLeast(1, given);
}

/** A whole number of at least `least`. */
export function atLeast(least: number, given: string): number {
  const count = Number(given);
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new Error(`must be a whole number of at least ${least}`);
}

/** One of some words. */
export function oneOf<T extends string>(words: readonly T[], given: string): T {
  const word = words.find((candidate) => candidate === given);
  if (word !== undefined) return word;
  throw new Error(`must be one of ${words.join(', ')}`);
}

/** A text that is not blank. */
export function text(what: string): (given: string) => string {
  return (given) => {
    if (given.trim() !== '') return given;
    throw new Error(`must name ${what}`);
  };
}
