import { TercetError } from './errors';
import { limits } from './limits';
import type { Clock, Random } from './ports';

/** Global id of a transaction: the initiator's idempotency key, 1–128 visible ASCII characters, case-sensitive. */
export type Gid = string & { readonly __brand: 'Gid' };
/** Id of one run of the initiator's code: 32 lowercase hex digits. */
export type RunId = string & { readonly __brand: 'RunId' };
/** Id of a branch within its transaction: `1`, `2`, …; nested `1.2`. */
export type BranchId = string & { readonly __brand: 'BranchId' };

const visibleAscii = /^[\x21-\x7e]+$/;
const runIdPattern = /^[0-9a-f]{32}$/;
const branchIdPattern = /^[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8})*$/;

/** Longest gid, in characters. */
export const GID_LENGTH_MAX = 128;

/** Whether `text` is 1 to `lengthMax` visible ASCII characters (no blank, no control character). */
export function isVisibleAscii(text: string, lengthMax: number): boolean {
  return text.length <= lengthMax && visibleAscii.test(text);
}

/** Checks a gid. Throws INVALID_ARGUMENT naming `gid`. */
export function parseGid(text: string): Gid {
  if (isVisibleAscii(text, GID_LENGTH_MAX)) return text as Gid;
  throw new TercetError('INVALID_ARGUMENT', {
    message: `gid must be 1 to ${GID_LENGTH_MAX} visible ASCII characters without blanks, got ${describeText(text)}`,
    details: { field: 'gid' },
  });
}

/** Checks a run id. Throws INVALID_ARGUMENT naming `run_id`. */
export function parseRunId(text: string): RunId {
  if (runIdPattern.test(text)) return text as RunId;
  throw new TercetError('INVALID_ARGUMENT', {
    message: `run_id must be 32 lowercase hex digits, got ${describeText(text)}`,
    details: { field: 'run_id' },
  });
}

/** Checks a branch id. Throws INVALID_ARGUMENT naming `field`, the path under which the text came. */
export function parseBranchId(text: string, field = 'branch_id'): BranchId {
  if (branchIdPattern.test(text)) {
    const depth = text.split('.').length;
    if (depth <= limits.nestingMax) return text as BranchId;
    throw new TercetError('INVALID_ARGUMENT', {
      message: `${field}: branches nest at most ${limits.nestingMax} deep, ${describeText(text)} is ${depth} deep`,
      details: { field },
    });
  }
  throw new TercetError('INVALID_ARGUMENT', {
    message: `${field} must be a number such as 1 or 12 (nested: 1.2), got ${describeText(text)}`,
    details: { field },
  });
}

/** Id of the branch whose Try registered this one; undefined for a branch of the initiator itself. */
export function parentOf(id: BranchId): BranchId | undefined {
  const dot = id.lastIndexOf('.');
  return dot === -1 ? undefined : (id.slice(0, dot) as BranchId);
}

/** Ids for an error text, which travels in headers and must stay small: the first ten, and how many more. */
export function someOf(ids: readonly BranchId[]): string {
  const shown = ids.slice(0, 10).join(', ');
  return ids.length > 10 ? `${shown} and ${ids.length - 10} more` : shown;
}

/** Draws a new run id. */
export function newRunId(random: Random): RunId {
  return hex(random.bytes(16)) as RunId;
}

/** Draws a UUID of version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, the rest random. Sorts by time. */
export function newGid(clock: Clock, random: Random): Gid {
  const time = clock.now().toString(16).padStart(12, '0');
  const bytes = random.bytes(10);
  bytes[0] = 0x70 | ((bytes[0] ?? 0) & 0x0f);
  bytes[2] = 0x80 | ((bytes[2] ?? 0) & 0x3f);
  const rest = hex(bytes);
  const start = `${time.slice(0, 8)}-${time.slice(8)}-${rest.slice(0, 4)}`;
  return `${start}-${rest.slice(4, 8)}-${rest.slice(8)}` as Gid;
}

/** Two digits for each byte: put together from here in a tenth of the time that formatting numbers takes. */
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexOfByte[byte];
  return text;
}

/** A piece of foreign text for an error message: quoted, shortened, nothing in it that a terminal would obey. */
export function describeText(text: string): string {
  if (text === '') return 'an empty text';
  const shown = escaped(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  return text.length > 40 ? `${shown} (${text.length} characters)` : shown;
}

/** JSON leaves DEL, the C1 controls, line separators and the invisible or reversing characters as they are. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) =>
    Array.from({ length: char.length }, (_, i) => codeUnit(char, i)).join(''),
  );
}

function codeUnit(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
