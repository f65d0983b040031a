/** What the script answers, as a value. */
import type { StoredTry } from './barrier';

/** An answer of the script of a call. */
export type ScriptAnswer =
  /** The work was done now. */
  | {
      readonly kind: 'done';
      readonly saved: string | undefined;
      /** In Confirm and Cancel. */
      readonly tried: StoredTry | undefined;
    }
  /** It was done before. */
  | {
      readonly kind: 'duplicate';
      /** undefined = a function makes it, and it was not stored. */
      readonly reply: Buffer | undefined;
      readonly saved: string | undefined;
      readonly note: Buffer | undefined;
      /** In Confirm and Cancel. */
      readonly tried: StoredTry | undefined;
    }
  | { readonly kind: 'empty' | 'late' }
  /** `found`: the phase that ended the branch; `none` = a Confirm found no Try. */
  | { readonly kind: 'conflict'; readonly found: string }
  /** The work of the slot failed half-way in an earlier call. */
  | { readonly kind: 'half'; readonly slot: string; readonly text: string }
  /** The work failed half-way now. */
  | { readonly kind: 'failed'; readonly text: string }
  /** `check` said no; nothing was written. */
  | { readonly kind: 'refused'; readonly text: string }
  /** `check` failed; nothing was written. */
  | { readonly kind: 'check-failed'; readonly text: string }
  /** The server took no write; nothing was written. */
  | { readonly kind: 'not-written'; readonly text: string };

/** Reads an answer; undefined = it is none of the script's. */
export function scriptAnswer(answer: unknown): ScriptAnswer | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [kind, first, second, third, ...rest] = answer.map((part: unknown) =>
    Buffer.isBuffer(part) ? part : undefined,
  );
  switch (String(kind)) {
    case 'done':
      return { kind: 'done', saved: first?.toString(), tried: storedTry([second, third, ...rest]) };
    case 'duplicate': {
      const saved = second?.toString();
      return { kind: 'duplicate', reply: first, saved, note: third, tried: storedTry(rest) };
    }
    case 'half':
      return { kind: 'half', slot: String(first), text: String(second) };
    case 'conflict':
      return { kind: 'conflict', found: String(first) };
    default:
      return worded(String(kind), String(first));
  }
}

function storedTry([observed, reply, note]: (Buffer | undefined)[]): StoredTry | undefined {
  return observed === undefined ? undefined : { reply: reply ?? Buffer.alloc(0), note };
}

function worded(kind: string, text: string): ScriptAnswer | undefined {
  switch (kind) {
    case 'empty':
    case 'late':
      return { kind };
    case 'failed':
    case 'refused':
    case 'check-failed':
    case 'not-written':
      return { kind, text };
    default:
      return undefined;
  }
}
