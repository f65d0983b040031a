/** The row of `nodes` that says who has the store. */
import type { NodeRow } from '../sql-server';
import { mysqlError } from './failures';
import { text, whole } from './literals';
import type { Session } from './session';

/** Its key: one coordinator at a time. */
const ID = "'coordinator'";

/** Who has the store, undefined = nobody. */
export async function readNode(session: Session): Promise<NodeRow | undefined> {
  const [answer] = await session.run([`SELECT incarnation,beat,place FROM nodes WHERE id=${ID}`]);
  const row = answer?.rows[0];
  if (row === undefined) return undefined;
  return {
    incarnation: String(row['incarnation']),
    beat: Number(row['beat']),
    where: String(row['place']),
  };
}

/** Puts `next` into the place of `seen` by compare-and-set. False = somebody else was faster. */
export async function replaceNode(
  session: Session,
  seen: NodeRow | undefined,
  next: NodeRow | undefined,
): Promise<boolean> {
  if (seen === undefined) return next === undefined || (await inserted(session, next));
  const was = `WHERE id=${ID} AND incarnation=${text(seen.incarnation)} AND beat=${whole(seen.beat)}`;
  const change =
    next === undefined
      ? 'DELETE FROM nodes'
      : `UPDATE nodes SET incarnation=${text(next.incarnation)},beat=${whole(next.beat)},place=${text(next.where)}`;
  const [answer] = await session.run([`${change} ${was}`]);
  return answer?.matched === 1;
}

async function inserted(session: Session, next: NodeRow): Promise<boolean> {
  const values = `${ID},${text(next.incarnation)},${whole(next.beat)},${text(next.where)}`;
  const made = await session.runUnless(
    [mysqlError.DUP_ENTRY],
    [`INSERT INTO nodes (id,incarnation,beat,place) VALUES (${values})`],
  );
  return made !== undefined;
}
