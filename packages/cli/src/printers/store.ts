import type { CheckedStore } from '@tercet/coordinator';
import { oneLine } from '../one-line';

/** `tercet store check`: one fact on a line. */
export function storeText(checked: CheckedStore): string {
  const { store, server, schema, current, prerequisites, holder } = checked;
  const facts: [string, string][] = [
    ['store', store],
    ['server', server],
    ['schema', schemaText(schema, current)],
    ...prerequisites.map(({ name, value, wanted, met }): [string, string] => {
      return [name, met ? value : `${value}, must be ${wanted}`];
    }),
    ['in use by', holderText(holder)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${name.padEnd(width)}  ${oneLine(text)}`).join('\n');
}

function schemaText(schema: CheckedStore['schema'], current: number): string {
  if (schema === undefined) return `none yet (this version makes ${current})`;
  const { version, minReader } = schema;
  return `${version} (this version makes ${current}, versions from ${minReader} on can use it)`;
}

function holderText(holder: CheckedStore['holder']): string {
  if (holder === undefined) return 'nobody';
  return holder.alive
    ? holder.where
    : `${holder.where}: no sign of life, the next one takes it over`;
}
