/**
 * A length of time: `'500ms'`, `'2s'`, `'5m'`, `'1h'`, or a number of milliseconds. Fractions are allowed where
 * whole milliseconds come out: `'1.5s'`.
 */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const pattern = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/;

/** Whole milliseconds of a duration; undefined where it is none, negative, not finite, or a fraction of one. */
export function parseDuration(duration: unknown): number | undefined {
  const ms = typeof duration === 'number' ? duration : textMs(duration);
  return Number.isSafeInteger(ms) && Number(ms) >= 0 ? Number(ms) : undefined;
}

function textMs(text: unknown): number | undefined {
  const parts = typeof text === 'string' ? pattern.exec(text.trim()) : null;
  const unit = unitMs[parts?.[2] ?? ''];
  // 0.1 s is 100.00000000000001 ms in floating point: rounding to the microsecond keeps what the user wrote.
  return unit === undefined ? undefined : Math.round(Number(parts?.[1]) * unit * 1_000) / 1_000;
}
