import { limits } from './limits';

/** What stands for half of a surrogate pair, and for a value that has no text. */
const REPLACEMENT = '\uFFFD';

/**
 * Any value as text that may leave as a gRPC status message: well-formed Unicode (half a surrogate pair becomes
 * U+FFFD), at most `limits.textLengthMax` characters, at most `encodedBytesMax` bytes once it is percent-encoded.
 * The end is cut off between characters. Never throws.
 */
export function plainText(text: unknown, encodedBytesMax: number): string {
  let kept = '';
  let bytes = 0;
  for (const char of stringOf(text)) {
    const next = isHalfPair(char) ? REPLACEMENT : char;
    bytes += encodeURI(next).length;
    if (bytes > encodedBytesMax || kept.length + next.length > limits.textLengthMax) break;
    kept += next;
  }
  return kept;
}

/** A surrogate that a walk over code points leaves alone has no other half. */
function isHalfPair(char: string): boolean {
  return char.length === 1 && char >= '\uD800' && char <= '\uDFFF';
}

/** An object's own `toString` may throw, or be missing. */
function stringOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return REPLACEMENT;
  }
}
