/**
 * Retention in the embedded store. `retention` holds how far each of its steps has come, as a place (finished_at, gid) in the
 * index of finished transactions; what lies before it is never looked at again, so neither what is kept for ever nor millions
 * of tombstones cost anything.
 *
 * X1 Every statement that changes or removes a row of a transaction carries `finished_at IS NOT NULL` (I7).
 * X2 The first step stops at `finishedBefore`, the second at `forgetBefore` and behind the first.
 * X3 A row with a verdict is passed over by both (`rows/tombstone.ts`, T1).
 */
import type { Expired, ExpireQuery } from '../store';
import { ROW_FORMAT } from '../rows/columns';
import { encodeTombstone, verdictMarks } from '../rows/tombstone';
import { inTransaction } from './batch';
import type { Database, SqlValue, Statement } from './driver';

const finished = 'finished_at IS NOT NULL';
/** Behind the place ?1, ?2. */
const behind = `${finished} AND (finished_at, gid) > (?1, ?2)`;
/** And up to the place ?3, ?4. */
const within = `${behind} AND (finished_at, gid) <= (?3, ?4)`;
const unresolved = verdictMarks.map((mark) => `instr(states, '${mark}') = 0`).join(' AND ');
const expirable = `tombstone IS NULL AND format <= ${ROW_FORMAT} AND (states IS NULL OR (${unresolved}))`;
const chosen = `FROM transactions WHERE ${within} AND ${expirable}`;

/** The text of every statement. */
export const expirySql = {
  mark: 'SELECT finished_at, gid FROM retention WHERE step = ?',
  moveMark: 'UPDATE retention SET finished_at = ?, gid = ? WHERE step = ?',

  full: `SELECT finished_at, gid FROM transactions WHERE ${behind} AND finished_at < ?3
    ORDER BY finished_at, gid LIMIT 1 OFFSET ?4`,
  last: `SELECT finished_at, gid FROM transactions WHERE ${behind} AND finished_at < ?3
    ORDER BY finished_at DESC, gid DESC LIMIT 1`,
  count: `SELECT count(*) AS count FROM transactions WHERE ${within}`,

  hasLabels: 'SELECT 1 FROM labels LIMIT 1',
  hasLater: 'SELECT 1 FROM registrations WHERE gid IS NOT NULL LIMIT 1',
  hasResults: 'SELECT 1 FROM results LIMIT 1',
  removeLabels: `DELETE FROM labels WHERE gid IN (SELECT gid ${chosen})`,
  removeLater: `DELETE FROM registrations WHERE gid IS NOT NULL AND gid IN (SELECT gid ${chosen})`,
  removeOpenings: `DELETE FROM registrations WHERE id IN (SELECT registration ${chosen})`,
  results: `SELECT gid, result FROM results WHERE gid IN (SELECT gid ${chosen})`,
  digest: `UPDATE transactions SET tombstone = ? WHERE gid = ? AND ${finished} AND tombstone = ''`,
  removeResult: 'DELETE FROM results WHERE gid = ?',
  bury: `UPDATE transactions SET tombstone = '', registration = NULL, reason = NULL, details = NULL, states = NULL
    WHERE ${within} AND ${expirable}`,
  forget: `DELETE FROM transactions WHERE ${within} AND tombstone IS NOT NULL`,

  place: `SELECT finished_at FROM transactions WHERE ${behind}
    ORDER BY finished_at DESC, gid DESC LIMIT 1 OFFSET ?3`,
} as const;

type Name = keyof typeof expirySql;

/** A place in the index of finished transactions. */
interface Place {
  readonly finished_at: number;
  readonly gid: string;
}

/** Some of its entries: behind `from`, up to `to`. */
interface Stretch {
  readonly from: Place;
  readonly to: Place;
  /** Whether it is as long as was allowed. */
  readonly full: boolean;
}

interface Bounds {
  readonly before: number;
  readonly limit: number;
}

/** Retention on one connection. */
export class Expiry {
  private readonly statements: Readonly<Record<Name, Statement>>;

  constructor(private readonly db: Database) {
    const prepared = Object.entries(expirySql).map(([name, text]) => [name, db.prepare(text)]);
    this.statements = Object.fromEntries(prepared) as Record<Name, Statement>;
  }

  /** One step, as {@link Store.expire}. */
  run({ finishedBefore, forgetBefore, limit }: ExpireQuery): Expired {
    return inTransaction(this.db, () => {
      const whole = this.stretch('expire', { before: finishedBefore, limit });
      const expired = whole === undefined ? 0 : this.bury(whole);
      if (whole !== undefined) this.move('expire', whole.to);
      const gone = this.stretch('forget', { before: forgetBefore, limit });
      const end = gone && earlier(gone.to, this.mark('expire'));
      const forgotten =
        gone === undefined || end === undefined ? 0 : this.forget({ ...gone, to: end });
      if (end !== undefined) this.move('forget', end);
      return { expired, forgotten, more: whole?.full === true || gone?.full === true };
    });
  }

  /** As {@link Store.finishedAt}. */
  finishedAt(place: number): number | undefined {
    const { finished_at, gid } = this.mark('expire');
    const row = this.statements.place.get(finished_at, gid, place);
    return (row as Place | undefined)?.finished_at;
  }

  private mark(step: string): Place {
    return this.statements.mark.get(step) as Place;
  }

  private move(step: string, { finished_at, gid }: Place): void {
    this.statements.moveMark.run(finished_at, gid, step);
  }

  /** What a step looks at next; undefined = nothing. */
  private stretch(step: string, { before, limit }: Bounds): Stretch | undefined {
    const from = this.mark(step);
    const until = Math.min(Math.ceil(before), Number.MAX_SAFE_INTEGER);
    const { full, last } = this.statements;
    const end = full.get(from.finished_at, from.gid, until, limit - 1) as Place | undefined;
    if (end !== undefined) return { from, to: end, full: true };
    const to = last.get(from.finished_at, from.gid, until) as Place | undefined;
    return to && { from, to, full: false };
  }

  /** Leaves tombstones. What hangs on the rows goes first: they say what that is. */
  private bury(stretch: Stretch): number {
    const { statements } = this;
    const bounds = boundsOf(stretch);
    statements.removeOpenings.run(...bounds);
    if (statements.hasLater.get() !== undefined) statements.removeLater.run(...bounds);
    if (statements.hasLabels.get() !== undefined) statements.removeLabels.run(...bounds);
    const results =
      statements.hasResults.get() === undefined ? [] : statements.results.all(...bounds);
    const { changes } = statements.bury.run(...bounds);
    for (const { gid, result } of results as { gid: string; result: Uint8Array }[]) {
      statements.digest.run(encodeTombstone(result), gid);
      statements.removeResult.run(gid);
    }
    return Number(changes);
  }

  private forget(stretch: Stretch): number {
    const bounds = boundsOf(stretch);
    const { count } = this.statements.count.get(...bounds) as { readonly count: number };
    const removed = Number(this.statements.forget.run(...bounds).changes);
    // What is left has a verdict, or came so late that the first step had passed its place.
    if (removed === count || this.bury(stretch) === 0) return removed;
    return removed + Number(this.statements.forget.run(...bounds).changes);
  }
}

function boundsOf({ from, to }: Stretch): readonly SqlValue[] {
  return [from.finished_at, from.gid, to.finished_at, to.gid];
}

function earlier(one: Place, other: Place): Place {
  if (one.finished_at !== other.finished_at)
    return one.finished_at < other.finished_at ? one : other;
  return one.gid < other.gid ? one : other;
}
