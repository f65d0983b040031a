/** What is read of transactions. All of it is found by the primary key, except for what is due and lists: those have the index. */
import type { DueRow, FactsRow, LoadedRows } from '../../rows/columns';
import type { BranchPayloads, DueQuery } from '../../store';
import { findPayload, payloadsOf } from '../../rows/branch-specs';
import { transactionColumns } from './columns';
import { isWord, text, whole } from './literals';
import type { Row, Session } from './session';
import { runTransaction } from './transaction';

/** Undefined = none of them can be kept. */
function listOf(gids: readonly string[]): string | undefined {
  const possible = gids.filter(isWord);
  return possible.length === 0 ? undefined : possible.map(text).join(',');
}

/** What rows say. */
export async function readFacts(
  session: Session,
  gids: readonly string[],
): Promise<ReadonlyMap<string, FactsRow>> {
  const list = listOf(gids);
  if (list === undefined) return new Map();
  const [answer] = await session.run([
    `SELECT gid,owner,epoch,run_id,status,branches,format FROM transactions FORCE INDEX (PRIMARY) WHERE gid IN (${list})`,
  ]);
  const rows = (answer?.rows ?? []) as unknown as readonly (FactsRow & { readonly gid: string })[];
  return new Map(rows.map(({ gid, ...facts }) => [gid, facts]));
}

/** Everything of these transactions, as of one moment: the session reads from one snapshot. */
export async function readWhole(
  session: Session,
  gids: readonly string[],
  owner: string | undefined,
): Promise<readonly LoadedRows[]> {
  const list = listOf(gids);
  if (list === undefined) return [];
  const mine = owner === undefined ? '' : ` AND open_owner=${text(owner)}`;
  const statements = [
    `SELECT ${transactionColumns} FROM transactions FORCE INDEX (PRIMARY) WHERE gid IN (${list})${mine}`,
    `SELECT gid,first,specs,payloads FROM registrations WHERE gid IN (${list}) ORDER BY gid,first`,
    `SELECT gid,name,value FROM labels WHERE gid IN (${list})`,
  ];
  const [transactions, registrations, labels] = await runTransaction(session, statements, 'read');
  const [byGid, labelled] = [grouped(registrations?.rows), grouped(labels?.rows)];
  return (transactions?.rows ?? []).map((row) => {
    const gid = String(row['gid']);
    return {
      transaction: row as unknown as LoadedRows['transaction'],
      registrations: (byGid.get(gid) ?? []) as unknown as LoadedRows['registrations'],
      labels: (labelled.get(gid) ?? []) as unknown as LoadedRows['labels'],
    };
  });
}

function grouped(rows: readonly Row[] = []): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const gid = String(row['gid']);
    const group = groups.get(gid);
    if (group === undefined) groups.set(gid, [row]);
    else group.push(row);
  }
  return groups;
}

/** What one branch sends. Registrations never change, so the place that was found stays right. */
export async function readPayloads(
  session: Session,
  gid: string,
  branchId: string,
): Promise<BranchPayloads | undefined> {
  if (!isWord(gid)) return undefined;
  const [answer] = await session.run([
    `SELECT first,specs FROM registrations WHERE gid=${text(gid)} ORDER BY first`,
  ]);
  for (const row of answer?.rows ?? []) {
    const place = findPayload(String(row['specs']), branchId);
    if (place === undefined) continue;
    const [cut] = await session.run([
      `SELECT SUBSTRING(payloads,${place.at + 1},${place.length}) AS bytes FROM registrations` +
        ` WHERE gid=${text(gid)} AND first=${whole(row['first'] as number)}`,
    ]);
    const found = cut?.rows[0]?.['bytes'] as Uint8Array | undefined;
    return found && payloadsOf(place.lengths, found);
  }
  return undefined;
}

/** The result of a decision. */
export async function readResult(session: Session, gid: string): Promise<Uint8Array | undefined> {
  if (!isWord(gid)) return undefined;
  const [answer] = await session.run([`SELECT result FROM results WHERE gid=${text(gid)}`]);
  const result = answer?.rows[0]?.['result'] as Uint8Array | undefined;
  return result && new Uint8Array(result);
}

/** A page of what is due. The index holds the gid behind `next_at`, so it alone answers, in order. */
export async function readDue(
  session: Session,
  owner: string,
  { before, after, limit }: DueQuery,
): Promise<readonly DueRow[]> {
  const last = Math.min(Math.floor(before), Number.MAX_SAFE_INTEGER);
  const behind =
    after === undefined
      ? ''
      : ` AND next_at>=${whole(after.nextAt)} AND (next_at>${whole(after.nextAt)} OR gid>${text(after.gid)})`;
  const [answer] = await session.run([
    `SELECT gid,next_at FROM transactions FORCE INDEX (transactions_open) WHERE open_owner=${text(owner)}` +
      ` AND next_at<=${whole(last)}${behind} ORDER BY next_at,gid LIMIT ${whole(limit)}`,
  ]);
  return (answer?.rows ?? []) as unknown as readonly DueRow[];
}
