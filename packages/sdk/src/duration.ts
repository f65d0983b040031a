/** How users write times: a text with a unit, or milliseconds. */
import { type Duration, parseDuration } from '@tercet/core';
import { ConfigError } from './errors';

export type { Duration } from '@tercet/core';

/** Bounds of a duration, in milliseconds, both allowed. */
export interface DurationRange {
  readonly min: number;
  readonly max: number;
}

/** Turns a duration into milliseconds. Throws ConfigError naming `option` where it is malformed or out of range. */
export function millisecondsOf(option: string, value: Duration, range: DurationRange): number {
  const ms = typeof value === 'number' && value < 0 ? value : parseDuration(value);
  if (ms === undefined || !Number.isInteger(ms)) {
    throw new ConfigError(
      `${option} must be whole milliseconds or a text such as '500ms', '2s', '5m', '1h', got ${shown(value)}`,
      { option },
    );
  }
  if (ms < range.min || ms > range.max) {
    throw new ConfigError(
      `${option} must be ${range.min} to ${range.max} milliseconds, got ${shown(value)}`,
      { option },
    );
  }
  return ms;
}

/** How a text shows milliseconds: `850 ms`, `3 s`, `2.5 s`. */
export function durationText(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
