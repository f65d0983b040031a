/** Times and spans as people read them. All are differences of one machine's clock: the coordinator's. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span in its largest whole unit: `42s`, `9m`, `3h`, `2d`. What is negative is `0s`. */
export function formatAge(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)}h`;
  return `${Math.floor(ms / DAY)}d`;
}

/** A span as exact as it matters, rounded: `35ms`, `1.2s`, `2m 5s`, `3h 4m`. */
export function formatSpan(ms: number): string {
  // Each step rounds before it compares: what rounds up to a minute is `1m`, never `60s`.
  const whole = Math.max(0, Math.round(ms));
  if (whole < SECOND) return `${whole}ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < MINUTE / 100) return `${tenths / 10}s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < HOUR / SECOND) return inTwoUnits(seconds, 'm', 's');
  return inTwoUnits(Math.round(ms / MINUTE), 'h', 'm');
}

/** Both clock units hold 60 of their smaller one. */
function inTwoUnits(count: number, unit: string, smallerUnit: string): string {
  const rest = count % 60;
  const first = `${Math.floor(count / 60)}${unit}`;
  return rest === 0 ? first : `${first} ${rest}${smallerUnit}`;
}

/** When the next attempt comes: `42s`, `now` where it is due, `-` where none is planned. */
export function formatNext(nextAt: number | undefined, now: number): string {
  if (nextAt === undefined) return '-';
  if (nextAt <= now) return 'now';
  return formatAge(Math.ceil((nextAt - now) / SECOND) * SECOND);
}

/** Unix milliseconds as ISO 8601 in UTC: `2026-01-14T10:05:32.123Z`. */
export function formatTime(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? String(unixMs) : date.toISOString();
}
