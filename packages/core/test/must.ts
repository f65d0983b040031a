/** A rule; a plain throw, because a matcher for each of a million checks would take minutes. */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(`broken rule: ${rule}`);
}
