import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../errors';
import { RETENTION_MS_DEFAULT } from './barrier';
import { barrierSettings } from './barrier-options';

describe('barrierSettings', () => {
  test('has defaults for everything', () => {
    expect(barrierSettings('pgBarrier', {}).retentionMs).toBe(RETENTION_MS_DEFAULT);
  });

  test('reads a duration', () => {
    expect(barrierSettings('pgBarrier', { retention: '48h' }).retentionMs).toBe(172_800_000);
  });

  test.each([
    [{ retention: '59m' }, /pgBarrier: retention must be 3600000/],
    [{ retention: 'long' }, /pgBarrier: retention/],
    [{ retension: '2h' }, /pgBarrier: unknown retension \(did you mean retention\?\)/],
  ])('refuses %j by name', (options, text) => {
    const make = () => barrierSettings('pgBarrier', options as object);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(text);
  });

  test('lets the options of an adapter pass', () => {
    const options: object = { queueMax: 1 };
    expect(() => barrierSettings('sqliteBarrier', options, ['queueMax'])).not.toThrow();
  });
});
