/** The labels of a run, checked before anything is sent: the wire would turn what is no text into one, or fail late. */
import { ConfigError } from './errors';
import { shownValue } from './value-text';

/** Throws ConfigError naming the key. `undefined` = there are none. */
export function checkLabels(labels: unknown): void {
  if (labels === undefined) return;
  if (typeof labels !== 'object' || labels === null) {
    throw problem(`labels must be an object of texts, got ${shownValue(labels)}`);
  }
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value === 'string') continue;
    throw problem(`labels.${key} must be a text, got ${shownValue(value)}`);
  }
}

function problem(message: string): ConfigError {
  return new ConfigError(message, { option: 'labels' });
}
