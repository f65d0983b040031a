/** How users write times: a text with a unit, or milliseconds. */
import { ConfigError } from './errors';

/**
 * A length of time: `'500ms'`, `'2s'`, `'5m'`, `'1h'`, or a number of milliseconds. Fractions are allowed where
 * whole milliseconds come out: `'1.5s'`.
 */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const durationPattern = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/;

/** Bounds of a duration, in milliseconds, both allowed. */
export interface DurationRange {
  readonly min: number;
  readonly max: number;
}

/** Turns a duration into milliseconds. Throws ConfigError naming `option` where it is malformed or out of range. */
export function millisecondsOf(option: string, value: Duration, range: DurationRange): number {
  const ms = typeof value === 'number' ? value : parsed(value);
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

function parsed(text: unknown): number | undefined {
  const match = typeof text === 'string' ? durationPattern.exec(text) : null;
  if (match === null) return undefined;
  const [, amount = '', unit = ''] = match;
  // 0.1 s is 100.00000000000001 ms in floating point: rounding to the microsecond keeps what the user wrote.
  return Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs] * 1_000) / 1_000;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
