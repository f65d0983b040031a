import { describe, expect, it } from '@jest/globals';
import { type BranchId, parseBranchId } from '@tercet/core';
import { decodeNote, encodeNote } from './stored-note';

const ids = (...texts: readonly string[]): readonly BranchId[] =>
  texts.map((text) => parseBranchId(text));

describe('what is kept beside a reply', () => {
  it.each([
    ['a value', { saved: Buffer.from('{"a":1}'), branches: [] }],
    ['an empty value', { saved: Buffer.alloc(0), branches: [] }],
    ['branches', { saved: undefined, branches: ids('1.1', '1.1.12', '1.2') }],
    ['both', { saved: Buffer.from('1,2'), branches: ids('1.1') }],
  ])('comes back as it was: %s', (_what, note) => {
    const bytes = encodeNote(note);
    expect(decodeNote(bytes)).toEqual(note);
    // Drivers give back parts of larger buffers.
    const within = Buffer.concat([Buffer.from('xx'), bytes ?? Buffer.alloc(0), Buffer.from('y')]);
    expect(decodeNote(new Uint8Array(within.buffer, within.byteOffset + 2, bytes?.length))).toEqual(
      note,
    );
  });

  it('is nothing where there is nothing', () => {
    expect(encodeNote({ saved: undefined, branches: [] })).toBeUndefined();
    expect(decodeNote(undefined)).toEqual({ saved: undefined, branches: [] });
  });

  it('of a newer version, or cut off, is refused', () => {
    const bytes = encodeNote({ saved: Buffer.from('abc'), branches: [] }) ?? Buffer.alloc(0);
    expect(() => decodeNote(bytes.subarray(0, 6))).toThrow('is cut off');
    expect(() => decodeNote(bytes.subarray(0, 3))).toThrow('is cut off');
    const newer = Buffer.from(bytes);
    newer[0] = 2;
    expect(() => decodeNote(newer)).toThrow(/has format 2, this version reads 1/);
  });
});
