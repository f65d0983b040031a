/**
 * Retention on MySQL and MariaDB. `retention` holds how far each of its steps has come, as a place (next_at, gid) in the index,
 * where `next_at` of a finished transaction says when it has finished; what lies before it is not looked at again.
 *
 * X1 Every statement that changes or removes a row of `transactions` carries `open_owner IS NULL` (I7), and finds it by its key.
 * X2 A step is one database transaction that begins by moving its place, by compare-and-set: where another node has moved it,
 *    nothing is done. So what was read before holds while it is changed.
 * X3 A row with a verdict is passed over (`rows/tombstone.ts`, T1).
 */
import { ROW_FORMAT } from '../../rows/columns';
import { verdictMarks } from '../../rows/tombstone';
import type { Expired, ExpireQuery } from '../../store';
import { whole, word } from './literals';
import type { Session } from './session';
import { type Step, TransactionError, sendTransaction } from './transaction';

/** A place in the index of finished transactions. */
interface Place {
  readonly at: number;
  readonly gid: string;
}

/** An entry of it, and what its row says. */
interface Entry extends Place {
  readonly isWhole: boolean;
  readonly isKept: boolean;
}

type StepName = 'expire' | 'forget';
type Marks = Readonly<Record<StepName, Place>>;

const finished = 'FROM transactions FORCE INDEX (transactions_open) WHERE open_owner IS NULL';
const readMarks = 'SELECT step,finished_at,gid FROM retention';
const resolved = verdictMarks.map((mark) => `LOCATE('${mark}',states)>0`).join(' OR ');
const kept = `tombstone IS NULL AND (format>${ROW_FORMAT} OR IFNULL(${resolved},0))`;

/** One step, as {@link Store.expire}. */
export async function expire(session: Session, query: ExpireQuery): Promise<Expired> {
  const { finishedBefore, forgetBefore, limit } = query;
  const marks = await marksOf(session);
  const old = await entriesBehind(session, marks.expire, { before: finishedBefore, limit });
  const last = old.at(-1) ?? marks.expire;
  const oldest = await entriesBehind(session, marks.forget, { before: forgetBefore, limit });
  const counts = await taken(session, marks, { old, oldest: oldest.filter(isUpTo(last)) });
  if (counts === undefined) return { expired: 0, forgotten: 0, more: false };
  return { ...counts, more: old.length >= limit || oldest.length >= limit };
}

/** As {@link Store.finishedAt}. */
export async function finishedAt(session: Session, place: number): Promise<number | undefined> {
  const { expire: mark } = await marksOf(session);
  const [answer] = await session.run([placeQuery(mark, place)]);
  const at = answer?.rows[0]?.['next_at'];
  return at === undefined ? undefined : Number(at);
}

/** Entries of the index, oldest first. */
export function entriesQuery(
  mark: Place,
  { before, limit }: { before: number; limit: number },
): string {
  const until = Math.min(Math.ceil(before), Number.MAX_SAFE_INTEGER);
  return (
    `SELECT gid,next_at,tombstone IS NULL AS is_whole,${kept} AS is_kept ${finished}${behind(mark)}` +
    ` AND next_at<${whole(until)} ORDER BY next_at,gid LIMIT ${whole(limit)}`
  );
}

/** The entry at a place, the latest first. */
export function placeQuery(mark: Place, place: number): string {
  return `SELECT next_at ${finished}${behind(mark)} ORDER BY next_at DESC LIMIT 1 OFFSET ${whole(place)}`;
}

function behind({ at, gid }: Place): string {
  return ` AND next_at>=${whole(at)} AND (next_at>${whole(at)} OR gid>${word(gid)})`;
}

async function marksOf(session: Session): Promise<Marks> {
  const [answer] = await session.run([readMarks]);
  const places = (answer?.rows ?? []).map((row) => {
    return [row['step'], { at: Number(row['finished_at']), gid: String(row['gid']) }];
  });
  return Object.fromEntries(places) as Marks;
}

async function entriesBehind(
  session: Session,
  mark: Place,
  bounds: { readonly before: number; readonly limit: number },
): Promise<readonly Entry[]> {
  const [answer] = await session.run([entriesQuery(mark, bounds)]);
  return (answer?.rows ?? []).map((row) => ({
    at: Number(row['next_at']),
    gid: String(row['gid']),
    isWhole: Number(row['is_whole']) === 1,
    isKept: Number(row['is_kept']) === 1,
  }));
}

interface Work {
  /** Become tombstones. */
  readonly old: readonly Entry[];
  /** Go. Those of them that are whole have finished so late that the first step had passed their place. */
  readonly oldest: readonly Entry[];
}

/** Undefined = another node was faster, nothing is done. */
async function taken(
  session: Session,
  marks: Marks,
  work: Work,
): Promise<Omit<Expired, 'more'> | undefined> {
  const steps = stepsOf(marks, work);
  if (steps.length === 0) return { expired: 0, forgotten: 0 };
  const message = session.form.message(steps, 'write');
  try {
    const answers = await sendTransaction(session, steps, { message, purpose: 'write' });
    const count = (name: CountedStep['counts']): number =>
      steps.reduce(
        (sum, { counts }, i) => sum + (counts === name ? (answers[i]?.matched ?? 0) : 0),
        0,
      );
    return { expired: count('expired'), forgotten: count('forgotten') };
  } catch (error) {
    if (!(error instanceof TransactionError)) throw error;
    if (error.end.missed) return undefined;
    throw error.end.failure;
  }
}

interface CountedStep extends Step {
  readonly counts?: 'expired' | 'forgotten';
}

/** The statements of one step; none where there is nothing to do. */
export function stepsOf(marks: Marks, { old, oldest }: Work): readonly CountedStep[] {
  const buried = listOf([...old, ...oldest].filter(({ isWhole, isKept }) => isWhole && !isKept));
  const gone = listOf(oldest.filter(({ isKept }) => !isKept));
  return [
    ...moved('expire', marks.expire, old.at(-1)),
    ...moved('forget', marks.forget, oldest.at(-1)),
    ...(buried === undefined ? [] : buryAll(buried)),
    ...(gone === undefined ? [] : [forgetAll(gone)]),
  ];
}

/** X2 */
function moved(step: StepName, from: Place, to: Place | undefined): readonly Step[] {
  if (to === undefined) return [];
  const sql =
    `UPDATE retention SET finished_at=${whole(to.at)},gid=${word(to.gid)}` +
    ` WHERE step='${step}' AND finished_at=${whole(from.at)} AND gid=${word(from.gid)}`;
  return [{ sql, expects: 1 }];
}

function buryAll(list: string): readonly CountedStep[] {
  const digest =
    "IFNULL((SELECT SHA2(r.result,256) FROM results r WHERE r.gid=transactions.gid),'')";
  const bury =
    `UPDATE transactions FORCE INDEX (PRIMARY) SET tombstone=${digest},reason=NULL,details=NULL,states=NULL` +
    ` WHERE gid IN (${list}) AND open_owner IS NULL AND tombstone IS NULL`;
  const children = ['registrations', 'labels', 'results'].map((table) => {
    return { sql: `DELETE c FROM ${table} c FORCE INDEX (PRIMARY) WHERE c.gid IN (${list})` };
  });
  return [{ sql: bury, counts: 'expired' }, ...children];
}

function forgetAll(list: string): CountedStep {
  const sql =
    `DELETE t FROM transactions t FORCE INDEX (PRIMARY) WHERE t.gid IN (${list})` +
    ' AND t.open_owner IS NULL AND t.tombstone IS NOT NULL';
  return { sql, counts: 'forgotten' };
}

/** In the order of the key, each once; undefined = none. */
function listOf(entries: readonly Entry[]): string | undefined {
  const gids = [...new Set(entries.map(({ gid }) => gid))].sort();
  return gids.length === 0 ? undefined : gids.map(word).join(',');
}

function isUpTo(last: Place): (entry: Entry) => boolean {
  return ({ at, gid }) => at < last.at || (at === last.at && gid <= last.gid);
}
