/**
 * The nodes that share the store: a row for each.
 *
 * A beat never falls: one that a lost connection delivers late changes nothing.
 */
import type { NodeRow } from '../sql-server';
import { mysqlError } from './failures';
import { text, whole, word } from './literals';
import type { Session } from './session';

/** Makes a node one of them. Repeating it with the same row changes nothing. */
export async function joinNode(session: Session, node: NodeRow): Promise<void> {
  const { incarnation, beat, where, format } = node;
  const values = `${word(incarnation)},${whole(beat)},${text(where)},${whole(format)}`;
  await session.runUnless(
    [mysqlError.DUP_ENTRY],
    [`INSERT INTO nodes (incarnation,beat,place,format) VALUES (${values})`],
  );
}

/** Writes a beat. False = the node was removed. */
export async function beatNode(
  session: Session,
  incarnation: string,
  beat: number,
): Promise<boolean> {
  const [answer] = await session.run([
    `UPDATE nodes SET beat=GREATEST(beat,${whole(beat)}) WHERE incarnation=${word(incarnation)}`,
  ]);
  return answer?.matched === 1;
}

/** All nodes. */
export async function readNodes(session: Session): Promise<readonly NodeRow[]> {
  const [answer] = await session.run(['SELECT incarnation,beat,place,format FROM nodes']);
  return (answer?.rows ?? []).map((row) => ({
    incarnation: String(row['incarnation']),
    beat: Number(row['beat']),
    where: String(row['place']),
    format: Number(row['format']),
  }));
}

/** Removes a node, by compare-and-set where a beat is given. False = there was nothing to remove. */
export async function removeNode(
  session: Session,
  incarnation: string,
  beat: number | undefined,
): Promise<boolean> {
  const seen = beat === undefined ? '' : ` AND beat=${whole(beat)}`;
  // On a cluster another coordinator may have been faster on another node, which shows when this one commits.
  const answers = await session.runUnless(
    [mysqlError.LOCK_DEADLOCK],
    [`DELETE FROM nodes WHERE incarnation=${word(incarnation)}${seen}`],
  );
  return answers?.[0]?.matched === 1;
}
