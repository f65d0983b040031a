import { describe, expect, it } from '@jest/globals';
import { systemRandom } from './system-random';

describe('systemRandom', () => {
  it('draws as many bytes as it is asked for, never the same ones twice', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 2_000; i++) {
      const bytes = systemRandom.bytes(16);
      expect(bytes).toHaveLength(16);
      seen.add(Buffer.from(bytes).toString('hex'));
    }
    expect(seen.size).toBe(2_000);
    expect(systemRandom.bytes(5_000)).toHaveLength(5_000);
    expect(systemRandom.bytes(0)).toHaveLength(0);
  });

  it('gives bytes that the caller may change', () => {
    const bytes = systemRandom.bytes(8);
    bytes.fill(0);
    expect([...systemRandom.bytes(8)].some((byte) => byte !== 0)).toBe(true);
  });

  it('uses every value of a byte', () => {
    const bytes = systemRandom.bytes(16_384);
    expect(new Set(bytes).size).toBe(256);
    const small = Array.from({ length: 1_024 }, () => [...systemRandom.bytes(16)]).flat();
    expect(new Set(small).size).toBe(256);
  });
});
