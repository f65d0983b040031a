import { describe, expect, it } from '@jest/globals';
import { type Duration, millisecondsOf } from './duration';
import { ConfigError } from './errors';

const range = { min: 1, max: 86_400_000 };

describe('durations', () => {
  it('are a number of milliseconds or a text with a unit', () => {
    const all: readonly [Duration, number][] = [
      [250, 250],
      ['250ms', 250],
      ['2s', 2_000],
      ['1.5s', 1_500],
      ['0.1s', 100],
      ['5m', 300_000],
      ['1h', 3_600_000],
    ];
    for (const [written, ms] of all) expect(millisecondsOf('timeout', written, range)).toBe(ms);
  });

  it('are refused where they are malformed, naming the option and what was given', () => {
    for (const wrong of [
      '',
      '5',
      '5 s',
      's',
      '-1s',
      '1e3ms',
      '5d',
      '0.0001s',
      Number.NaN,
      1.5,
      undefined,
      {},
    ]) {
      expect(() => millisecondsOf('timeout', wrong as Duration, range)).toThrow(ConfigError);
    }
    expect(() => millisecondsOf('stuckAfter', '5 s', range)).toThrow(
      /^stuckAfter must be whole milliseconds or a text such as '500ms', .*got "5 s"$/,
    );
  });

  it('are refused out of range', () => {
    expect(() => millisecondsOf('timeout', 0, range)).toThrow(
      'timeout must be 1 to 86400000 milliseconds, got 0',
    );
    expect(() => millisecondsOf('timeout', '25h', range)).toThrow(ConfigError);
    expect(() => millisecondsOf('timeout', Number.POSITIVE_INFINITY, range)).toThrow(ConfigError);
  });
});
