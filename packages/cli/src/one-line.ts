/**
 * Text from elsewhere (names, participants' messages) for a table or a note: one line, and nothing in it that a
 * terminal would obey. A participant's error text must not be able to clear the operator's screen.
 */
export function oneLine(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
