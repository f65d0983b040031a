/** Tells what `defineTcc` made from what callers in plain JavaScript pass in its place. */
import { ConfigError } from './errors';
import { kindOf } from './value-text';

/** Throws ConfigError, naming `where`. What another copy of this package made is a definition, too. */
export function checkDefinition(where: string, given: unknown): void {
  if (isRecord(given) && typeof given['serviceName'] === 'string' && isRecord(given['actions'])) {
    return;
  }
  const got = isService(given)
    ? 'a generated service; name its actions first: defineTcc(service, { name: { try, confirm, cancel } })'
    : kindOf(given);
  throw new ConfigError(`${where} takes what defineTcc made, got ${got}`);
}

function isService(given: unknown): boolean {
  if (!isRecord(given)) return false;
  const methods = Object.values(given);
  return (
    methods.length > 0 &&
    methods.every((method) => isRecord(method) && typeof method['path'] === 'string')
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
