/** Before something that nobody can undo: the words that name it have to be typed, by flag or at the terminal. */
import type { CliContext } from './cli-context';
import { shellWord } from './shell-word';
import { UsageError } from './usage-error';

/** What `withConfirmation` parses. */
export interface ConfirmationFlags {
  readonly confirm?: string;
  /** False = --no-input: nobody may be asked. */
  readonly input: boolean;
}

/** Where the confirmation comes from. */
export type Confirmation =
  | { readonly kind: 'given' }
  /** Resolves with whether the person typed the words; undefined = went away without an answer. */
  | { readonly kind: 'ask'; readonly ask: (question: string) => Promise<boolean | undefined> };

/**
 * How `words` are to be confirmed. Throws UsageError where the flag names something else, or is missing and nobody can
 * be asked.
 */
export function confirmationOf(
  words: string,
  flags: ConfirmationFlags,
  { deps }: CliContext,
): Confirmation {
  if (flags.confirm !== undefined) {
    if (flags.confirm === words) return { kind: 'given' };
    throw new UsageError(
      `--confirm names ${JSON.stringify(flags.confirm)}, but this is about ${JSON.stringify(words)}`,
      'nothing was changed; confirm what you mean to change',
    );
  }
  const { ask } = deps;
  if (ask === undefined || !flags.input) {
    throw new UsageError(
      'this cannot be undone, and --confirm is missing',
      `add --confirm=${shellWord(words)}, or run it in a terminal without --no-input`,
    );
  }
  return {
    kind: 'ask',
    ask: async (question) => {
      const answer = await ask(question);
      return answer === undefined ? undefined : answer.trim() === words;
    },
  };
}
