/**
 * What is taken over from others: who owns open work, and how a page of it changes hands.
 *
 * K1 Owners are found by jumps from one to the next, in the index of open work alone, however many rows each of them has and
 *    however much has finished. A jump is a query: written as one, some servers read the whole index.
 * K2 A page is read without a lock, and changed by primary key under the guard of what was read. Whoever was faster keeps it.
 * K3 Once the page's change was sent, a failure leaves a doubt: rows may be this node's already.
 */
import { ROW_FORMAT } from '../../rows/columns';
import { StoreFailure } from '../../store';
import type { ClaimQuery } from '../sql-server';
import { whole, word } from './literals';
import { readFacts } from './reads';
import { updateOf } from './row-values';
import type { Session } from './session';
import { runTransaction } from './transaction';

interface ClaimedRow {
  readonly gid: string;
  readonly runId: string;
  readonly epoch: number;
}

/** Incarnations that own open work; some may own only rows of a format that is not read. */
export async function readOpenOwners(session: Session): Promise<readonly string[]> {
  const owners: string[] = [];
  for (;;) {
    const [answer] = await session.run([ownerBehind(owners.at(-1) ?? '')]);
    const next = answer?.rows[0];
    if (next === undefined) return owners;
    owners.push(String(next['open_owner']));
  }
}

/** The query of one jump (K1). */
export function ownerBehind(owner: string): string {
  return (
    `SELECT open_owner FROM transactions FORCE INDEX (transactions_open) WHERE open_owner>${word(owner)}` +
    ' ORDER BY open_owner LIMIT 1'
  );
}

/** The query of one page (K2). */
export function pageOf({ owner, limit, skip }: ClaimQuery): string {
  return (
    `SELECT gid,run_id,epoch FROM transactions FORCE INDEX (transactions_open) WHERE open_owner=${word(owner)}` +
    ` AND format<=${ROW_FORMAT} ORDER BY next_at,gid LIMIT ${whole(limit)} OFFSET ${whole(skip)}`
  );
}

/** The change of one page (K2). */
export function takeOf(page: readonly ClaimedRow[], owner: string, me: string): string {
  return updateOf<ClaimedRow>({
    rows: page,
    set: { owner: () => word(me), open_owner: () => word(me), epoch: () => 'epoch+1' },
    guard: { run_id: ({ runId }) => word(runId), epoch: ({ epoch }) => whole(epoch) },
    where: `owner=${word(owner)} AND open_owner=${word(owner)}`,
  });
}

/** Claims a page for `me`; resolves with the gids that it got. */
export async function claimPage(
  session: Session,
  from: ClaimQuery,
  me: string,
): Promise<readonly string[]> {
  const [found] = await session.run([pageOf(from)]);
  const page = (found?.rows ?? [])
    .map((row): ClaimedRow => {
      return {
        gid: String(row['gid']),
        runId: String(row['run_id']),
        epoch: Number(row['epoch']),
      };
    })
    .sort((a, b) => (a.gid < b.gid ? -1 : 1));
  if (page.length === 0) return [];
  // A transaction, though it is one statement: its form knows what is a doubt.
  const [taken] = await runTransaction(session, [takeOf(page, from.owner, me)], 'write');
  if (taken?.matched === page.length) return page.map(({ gid }) => gid);
  return await takenOf(session, page, me);
}

/** K3 */
async function takenOf(
  session: Session,
  page: readonly ClaimedRow[],
  me: string,
): Promise<readonly string[]> {
  const facts = await readFacts(
    session,
    page.map(({ gid }) => gid),
  ).catch((cause: unknown) => {
    throw new StoreFailure('unknown', 'rows were claimed, which of them could not be read', {
      cause,
    });
  });
  const isMine = ({ gid, runId, epoch }: ClaimedRow): boolean => {
    const row = facts.get(gid);
    return row?.owner === me && row.run_id === runId && row.epoch === epoch + 1;
  };
  return page.filter(isMine).map(({ gid }) => gid);
}
