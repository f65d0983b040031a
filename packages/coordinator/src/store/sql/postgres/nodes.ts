/** The row of the node that has the store. */
import type { NodeRow } from '../sql-server';
import type { Step } from './pipeline';

/** What a node announces of itself for later versions to judge. */
const VERSIONS = '1';

/** Reads the row. */
export const nodeText = 'SELECT incarnation, beat, place AS "where" FROM nodes WHERE id = 1';

const insert = `INSERT INTO nodes (id, incarnation, beat, place, versions) VALUES (1, $1, $2::int8, $3, '${VERSIONS}')
  ON CONFLICT (id) DO NOTHING`;
const update = `UPDATE nodes SET incarnation = $1, beat = $2::int8, place = $3, versions = '${VERSIONS}'
  WHERE id = 1 AND incarnation = $4 AND beat = $5::int8`;
const remove = 'DELETE FROM nodes WHERE id = 1 AND incarnation = $1 AND beat = $2::int8';

/** The compare-and-set that puts `next` into the place of `seen`: it changes one row, or none. */
export function replaceStep(
  seen: NodeRow | undefined,
  next: NodeRow | undefined,
): Step | undefined {
  const was = seen && [seen.incarnation, String(seen.beat)];
  const is = next && [next.incarnation, String(next.beat), next.where];
  if (is === undefined) return was && { text: remove, values: was };
  return was === undefined
    ? { text: insert, values: is }
    : { text: update, values: [...is, ...was] };
}
