/**
 * Values as literals of an SQL text.
 *
 * L1 No quote, backslash or control character of a value ever stands in the text: such a text is written in hexadecimal. So no
 *    value can end its literal, whatever the server's sql_mode says of backslashes.
 * L2 A value of the wrong type is refused as data: it is never turned into something else.
 */
import { StoreFailure } from '../../store';

/** What is written in hexadecimal (L1). */
const special = /['\\\x00-\x1f\x7f]/;

const ascii = /^[\x00-\x7f]*$/;

/** A text, or NULL. Throws StoreFailure `data` (L2). */
export function text(value: string | null): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') throw wrong(value, 'text');
  if (!special.test(value)) return `'${value}'`;
  return `_utf8mb4 x'${Buffer.from(value, 'utf8').toString('hex')}'`;
}

/** A gid or an id: ASCII, as its column is. Throws StoreFailure `data` (L2). */
export function word(value: string): string {
  if (!isWord(value)) throw wrong(value, 'ASCII text');
  return text(value);
}

/** Whether a text can be a gid or an id at all; any other one is kept nowhere. */
export function isWord(value: unknown): value is string {
  return typeof value === 'string' && ascii.test(value);
}

/** A whole number, or NULL. Throws StoreFailure `data` (L2). */
export function whole(value: number | null): string {
  if (value === null) return 'NULL';
  if (!Number.isSafeInteger(value)) throw wrong(value, 'whole number');
  return String(value);
}

/** Bytes. Throws StoreFailure `data` (L2). */
export function bytes(value: Uint8Array): string {
  if (!(value instanceof Uint8Array)) throw wrong(value, 'bytes');
  const { buffer, byteOffset, byteLength } = value;
  return `x'${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}'`;
}

function wrong(value: unknown, wanted: string): StoreFailure {
  return new StoreFailure('data', `a value cannot be stored: ${typeof value} instead of ${wanted}`);
}
