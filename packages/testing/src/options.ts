/** Checks what tests pass in: errors name the option and the way out. */
import { type Duration, nearest, parseDuration } from '@tercet/core';
import { ConfigError } from '@tercet/sdk';

/** Longer is a mistake in the unit: a year. */
const DURATION_MS_MAX = 366 * 24 * 3_600_000;

/** Milliseconds of a duration. Throws ConfigError naming `where`. */
export function durationMs(where: string, value: Duration): number {
  const ms = parseDuration(value);
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  if (ms === undefined) {
    throw new ConfigError(
      `${where} takes whole milliseconds or a text such as '500ms', '2s', '10m', '1h', got ${given}`,
      { option: where },
    );
  }
  if (ms <= DURATION_MS_MAX) return ms;
  throw new ConfigError(`${where} takes at most a year of virtual time, got ${given}`, {
    option: where,
  });
}

/** Throws ConfigError where `given` has a key that is not known. */
export function refuseUnknown(where: string, given: object, known: readonly string[]): void {
  const wrong = Object.keys(given).find((key) => !known.includes(key));
  if (wrong === undefined) return;
  const meant = nearest(wrong, known);
  const question = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new ConfigError(`${where}: unknown ${wrong}${question}; known are ${known.join(', ')}`, {
    option: wrong,
  });
}

/**
 * Throws ConfigError where the test runner replaces the timers of the process: nothing that waits for a socket would
 * ever go on.
 */
export function refuseFakeTimers(where: string): void {
  const names = ['setTimeout', 'setImmediate'];
  const fake = names.find((name) => isFake(Reflect.get(globalThis, name)));
  if (fake === undefined) return;
  throw new ConfigError(
    `${where}: ${fake} is replaced by fake timers of the test runner, under which real sockets stand still; ` +
      'take them off (jest.useRealTimers(), vi.useRealTimers(), mock.timers.reset()): env.advance needs none',
  );
}

/** Jest's and Vitest's timers carry their clock, Jest's older ones are mock functions, those of node:test are bound. */
function isFake(timer: unknown): boolean {
  if (typeof timer !== 'function') return true;
  if (Reflect.get(timer, 'clock') !== undefined) return true;
  return Reflect.get(timer, '_isMockFunction') === true;
}
