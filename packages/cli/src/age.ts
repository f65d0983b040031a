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

/** A span as exact as it matters: `35ms`, `1.2s`, `2m 5s`, `3h 4m`. */
export function formatSpan(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < MINUTE) return `${Math.floor(ms / 100) / 10}s`;
  const [whole, unit, rest, restUnit] =
    ms < HOUR ? [MINUTE, 'm', SECOND, 's'] : ([HOUR, 'h', MINUTE, 'm'] as const);
  const remainder = Math.floor((ms % whole) / rest);
  const first = `${Math.floor(ms / whole)}${unit}`;
  return remainder === 0 ? first : `${first} ${remainder}${restUnit}`;
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
