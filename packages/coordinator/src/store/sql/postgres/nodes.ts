/** The nodes that share the store: a row for each. */
import type { NodeRow } from '../sql-server';
import type { Step } from './pipeline';

/** Reads all rows. */
export const nodesText = 'SELECT incarnation, beat, place AS "where", format FROM nodes';

// A beat never falls: one that a lost connection delivers late changes nothing.
const join = `INSERT INTO nodes AS n (incarnation, beat, place, format) VALUES ($1, $2::int8, $3, $4::int4)
  ON CONFLICT (incarnation) DO UPDATE SET beat = greatest(n.beat, excluded.beat), place = excluded.place,
    format = excluded.format`;
const beat = 'UPDATE nodes SET beat = greatest(beat, $2::int8) WHERE incarnation = $1';
const remove = 'DELETE FROM nodes WHERE incarnation = $1 AND ($2::int8 IS NULL OR beat = $2::int8)';

/** Makes a node one of them. */
export function joinStep(node: NodeRow): Step {
  const { incarnation, beat: first, where, format } = node;
  return { text: join, values: [incarnation, String(first), where, String(format)] };
}

/** Writes a beat: it changes one row, or none where the node was removed. */
export function beatStep(incarnation: string, next: number): Step {
  return { text: beat, values: [incarnation, String(next)] };
}

/** Removes a node, by compare-and-set where a beat is given: it changes one row, or none. */
export function removeStep(incarnation: string, seen: number | undefined): Step {
  return { text: remove, values: [incarnation, seen === undefined ? null : String(seen)] };
}
