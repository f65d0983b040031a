import { oneLine } from './one-line';

/** Nothing in it means anything to a shell. */
const harmless = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * A text from elsewhere as one word of a command line that people copy: quoted where a shell would read more into it.
 * A gid is whatever its initiator chose, `$(reboot)` included.
 */
export function shellWord(text: string): string {
  const line = oneLine(text);
  return harmless.test(line) ? line : `'${line.replaceAll("'", "'\\''")}'`;
}
