import type { Random } from '../ports';

/** Reproducible randomness: mulberry32 (Tommy Ettinger, public domain). The same seed gives the same run. */
export class SeededRandom implements Random {
  constructor(private state = 1) {}

  unit(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.unit() * 256));
  }
}
