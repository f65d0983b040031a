/** A span of time: milliseconds as a number, or a text with a unit: `'500ms'`, `'2s'`, `'5m'`, `'1h'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h'}`;

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration, rounded to whole ones; undefined where it is none (or negative, or not finite). */
export function parseDuration(duration: number | string): number | undefined {
  const ms = typeof duration === 'number' ? duration : msOfText(duration);
  return ms !== undefined && Number.isFinite(ms) && ms >= 0 ? Math.round(ms) : undefined;
}

function msOfText(text: string): number | undefined {
  const parts = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text.trim());
  const unit = unitsMs[parts?.[2] ?? ''];
  return unit === undefined ? undefined : Number(parts?.[1]) * unit;
}
