/**
 * What is kept beside a Try's reply: the value of `ctx.save`, and the nested branches whose Try succeeded, which a
 * duplicate of this Try has to name again.
 *
 * Bytes: version (1), length of the value as 4 bytes (all ones = none), the value, the ids as text joined by commas.
 */
import { type BranchId, parseBranchId } from '@tercet/core';

const VERSION = 1;
/** Bytes of a note beside value and ids. */
export const HEAD_BYTES = 5;
const NO_VALUE = 0xffff_ffff;

/** What a note holds. */
export interface Note {
  /** The encoded value of `ctx.save`; undefined = none was kept. */
  readonly saved: Uint8Array | undefined;
  readonly branches: readonly BranchId[];
}

const nothing: Note = { saved: undefined, branches: [] };

/** The bytes of a note; undefined where it holds nothing. */
export function encodeNote({ saved, branches }: Note): Uint8Array | undefined {
  if (saved === undefined && branches.length === 0) return undefined;
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(VERSION, 0);
  head.writeUInt32BE(saved?.length ?? NO_VALUE, 1);
  return Buffer.concat([head, saved ?? Buffer.alloc(0), Buffer.from(branches.join(','))]);
}

/** Reads the bytes of a note. Throws an Error where this version cannot. */
export function decodeNote(bytes: Uint8Array | undefined): Note {
  if (bytes === undefined) return nothing;
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version] = all;
  if (version !== VERSION) {
    throw new Error(
      `what was kept with the Try has format ${version}, this version reads ${VERSION}; it was written by a newer version`,
    );
  }
  const length = all.length < HEAD_BYTES ? all.length : all.readUInt32BE(1);
  const end = HEAD_BYTES + (length === NO_VALUE ? 0 : length);
  if (end > all.length) throw new Error('what was kept with the Try is cut off');
  const ids = all.toString('latin1', end);
  return {
    saved: length === NO_VALUE ? undefined : all.subarray(HEAD_BYTES, end),
    branches: ids === '' ? [] : ids.split(',').map((id) => parseBranchId(id)),
  };
}
