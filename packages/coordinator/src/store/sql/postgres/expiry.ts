/**
 * Retention on PostgreSQL: two statements of one transaction, each of them whole. `retention` holds how far each has come, as a
 * place (finished_at, gid); what lies before it is not looked at again.
 *
 * X1 Every part that changes or removes a row of a transaction carries `finished_at IS NOT NULL` (I7).
 * X2 Whoever has locked the row of a step in `retention` takes it; others skip it and find nothing to do. They wait for nobody.
 * X3 A row with a verdict is passed over (`rows/tombstone.ts`, T1).
 * X4 What hangs on a row goes by the RETURNING of the part that changed it.
 */
import { ROW_FORMAT } from '../../rows/columns';
import { verdictMarks } from '../../rows/tombstone';
import type { Expired, ExpireQuery } from '../../store';
import type { Step, StepResult } from './pipeline';
import type { Session } from './session';

const resolved = verdictMarks.map((mark) => `position('${mark}' IN states) > 0`).join(' OR ');
const kept = `(tombstone IS NULL AND (format > ${ROW_FORMAT} OR coalesce(${resolved}, false))) AS kept`;

/** The next entries of the index behind the place of the step, at most $2 that finished before $1. */
function found(also = ''): string {
  return `found AS MATERIALIZED (
    SELECT t.* FROM mark m CROSS JOIN LATERAL (
      SELECT gid, finished_at, tombstone IS NULL AS whole, ${kept} FROM transactions
      WHERE finished_at IS NOT NULL AND finished_at >= m.finished_at
        AND (finished_at, gid) > (m.finished_at, m.gid) AND finished_at < $1::int8 ${also}
      ORDER BY finished_at, gid LIMIT $2::int4) t)`;
}

function moved(step: string): string {
  return `moved AS (UPDATE retention r SET finished_at = l.finished_at, gid = l.gid
    FROM (SELECT finished_at, gid FROM found ORDER BY finished_at DESC, gid DESC LIMIT 1) l WHERE r.step = '${step}')`;
}

/** What is left of rows that were found is a tombstone; parameters: before when, how many. */
export const buryText = `WITH mark AS MATERIALIZED (
    SELECT finished_at, gid FROM retention WHERE step = 'expire' FOR UPDATE SKIP LOCKED),
  ${found()},
  buried AS (
    UPDATE transactions t SET reason = NULL, details = NULL, states = NULL,
      tombstone = coalesce((SELECT encode(sha256(r.result), 'hex') FROM results r WHERE r.gid = t.gid), '')
    FROM found f WHERE t.gid = f.gid AND f.whole AND NOT f.kept AND t.finished_at IS NOT NULL AND t.tombstone IS NULL
    RETURNING t.gid, t.run_id),
  registered AS (DELETE FROM registrations r USING buried b WHERE r.gid = b.gid AND r.run_id = b.run_id),
  labelled AS (DELETE FROM labels l USING buried b WHERE l.gid = b.gid),
  resulted AS (DELETE FROM results r USING buried b WHERE r.gid = b.gid),
  ${moved('expire')}
  SELECT (SELECT count(*) FROM buried), (SELECT count(*) FROM found)`;

/** Rows that were found go: tombstones, and what finished so late that the first step had passed its place. */
export const forgetText = `WITH mark AS MATERIALIZED (
    SELECT f.finished_at, f.gid, e.finished_at AS last_at, e.gid AS last_gid FROM retention f, retention e
    WHERE f.step = 'forget' AND e.step = 'expire' FOR UPDATE OF f SKIP LOCKED),
  ${found('AND finished_at <= m.last_at AND (finished_at, gid) <= (m.last_at, m.last_gid)')},
  gone AS (
    DELETE FROM transactions t USING found f WHERE t.gid = f.gid AND NOT f.kept AND t.finished_at IS NOT NULL
    RETURNING t.gid, t.run_id, f.whole),
  registered AS (DELETE FROM registrations r USING gone g WHERE g.whole AND r.gid = g.gid AND r.run_id = g.run_id),
  labelled AS (DELETE FROM labels l USING gone g WHERE g.whole AND l.gid = g.gid),
  resulted AS (DELETE FROM results r USING gone g WHERE g.whole AND r.gid = g.gid),
  ${moved('forget')}
  SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM found)`;

/** The finish at a place, the latest first. */
export const placeText = `SELECT t.finished_at FROM retention m CROSS JOIN LATERAL (
    SELECT finished_at FROM transactions WHERE finished_at IS NOT NULL AND finished_at >= m.finished_at
      AND (finished_at, gid) > (m.finished_at, m.gid)
    ORDER BY finished_at DESC LIMIT 1 OFFSET $1::int8) t
  WHERE m.step = 'expire'`;

/** One step, as {@link Store.expire}. */
export async function expire(session: Session, query: ExpireQuery): Promise<Expired> {
  const { finishedBefore, forgetBefore, limit } = query;
  const step = (text: string, before: number): Step => {
    const until = Math.min(Math.ceil(before), Number.MAX_SAFE_INTEGER);
    return { text, values: [String(until), String(limit)] };
  };
  const [buried, gone] = await session.write([
    step(buryText, finishedBefore),
    step(forgetText, forgetBefore),
  ]);
  const [expired, looked] = countsOf(buried);
  const [forgotten, lookedAgain] = countsOf(gone);
  return { expired, forgotten, more: Math.max(looked, lookedAgain) >= limit };
}

/** As {@link Store.finishedAt}. */
export async function finishedAt(session: Session, place: number): Promise<number | undefined> {
  const [row] = await session.read<{ readonly finished_at: number }>(placeText, [place]);
  return row?.finished_at;
}

function countsOf(result: StepResult | undefined): readonly [done: number, looked: number] {
  const [done, looked] = result?.rows[0] ?? [];
  return [Number(done ?? 0), Number(looked ?? 0)];
}
