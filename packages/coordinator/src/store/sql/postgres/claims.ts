/**
 * What is taken over from others: who owns open work, and how a page of it changes hands.
 *
 * C1 Owners are found by jumps from one to the next, in the index of open work alone, however many rows each of them has. They
 *    are gone through downwards: an owner's newest rows come first, and those are the ones that live. What has left the index
 *    since the last vacuum lies before them.
 * C2 A claim waits for nobody: a row that somebody holds is being taken, or comes with the next sweep. So two that claim at
 *    once cannot lock each other out.
 */
import { ROW_FORMAT } from '../../rows/columns';
import type { ClaimQuery } from '../sql-server';
import type { Step } from './pipeline';

const readable = `open_owner IS NOT NULL AND format <= ${ROW_FORMAT}`;
const last = 'ORDER BY open_owner DESC, next_at DESC, gid DESC LIMIT 1';

/** Owners of open work (C1). */
export const ownersText = `WITH RECURSIVE owners AS (
    (SELECT open_owner FROM transactions WHERE ${readable} ${last})
    UNION ALL
    SELECT (SELECT t.open_owner FROM transactions t WHERE ${readable} AND t.open_owner < o.open_owner ${last})
    FROM owners o WHERE o.open_owner IS NOT NULL)
  SELECT open_owner AS owner FROM owners WHERE open_owner IS NOT NULL`;

/** A page of the rows of $2, past the first $4, becomes $1's (C2). The guard stands in both: what is locked may have changed. */
export const claimText = `WITH page AS MATERIALIZED (
    SELECT gid, epoch FROM transactions WHERE open_owner = $2 AND format <= ${ROW_FORMAT}
    ORDER BY next_at, gid LIMIT $3::int4 OFFSET $4::int4),
  held AS MATERIALIZED (
    SELECT t.gid, t.epoch FROM page p JOIN transactions t ON t.gid = p.gid
    WHERE t.owner = $2 AND t.epoch = p.epoch AND t.finished_at IS NULL FOR UPDATE OF t SKIP LOCKED)
  UPDATE transactions t SET owner = $1, open_owner = $1, epoch = t.epoch + 1
  FROM held WHERE t.gid = held.gid AND t.owner = $2 AND t.epoch = held.epoch RETURNING t.gid`;

/** The claim of `me`. */
export function claimStep({ owner, limit, skip }: ClaimQuery, me: string): Step {
  return { text: claimText, values: [me, owner, String(limit), String(skip)] };
}
