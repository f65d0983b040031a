import type { CheckedStore } from '@tercet/coordinator';
import { oneLine } from '../one-line';

/** Stands before the first of those who share the store. */
const label = 'in use by';

/** `tercet store check`: one fact on a line. */
export function storeText(checked: CheckedStore): string {
  const { store, server, schema, current, prerequisites, nodes } = checked;
  const facts: [string, string][] = [
    ['store', store],
    ['server', server],
    ['schema', schemaText(schema, current)],
    ...prerequisites.map(({ name, value, wanted, met }): [string, string] => {
      return [name, met ? value : `${value}, must be ${wanted}`];
    }),
    ...nodes.map((node, place): [string, string] => [place === 0 ? label : '', nodeText(node)]),
    ...(nodes.length === 0 ? [[label, 'nobody'] as [string, string]] : []),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${name.padEnd(width)}  ${oneLine(text)}`).join('\n');
}

function schemaText(schema: CheckedStore['schema'], current: number): string {
  if (schema === undefined) return `none yet (this version makes ${current})`;
  const { version, minReader } = schema;
  return `${version} (this version makes ${current}, versions from ${minReader} on can use it)`;
}

function nodeText({ where, alive }: CheckedStore['nodes'][number]): string {
  return alive ? where : `${where}: no sign of life, others go on with what it has left`;
}
