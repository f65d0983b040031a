/** What is read of transactions. Each answer is of one statement, so it shows one moment. */
import type { DueQuery } from '../../store';
import type {
  DueRow,
  FactsRow,
  LoadedRows,
  RegistrationRow,
  TransactionRow,
} from '../../rows/columns';
import { findPayload, payloadsOf } from '../../rows/branch-specs';
import type { BranchPayloads } from '../../store';
import type { Session } from './session';

const facts = `SELECT gid, owner, epoch, run_id, status, branches, format FROM transactions WHERE gid = ANY($1::text[])`;

// A row for each registration: branches that were added later are few. Labels are none or few.
const load = `SELECT t.*, NULL AS registration, r.first, r.specs, r.payloads,
    (SELECT json_agg(json_build_object('name', l.name, 'value', l.value)) FROM labels l WHERE l.gid = t.gid) AS labels
  FROM transactions t LEFT JOIN registrations r ON r.gid = t.gid AND r.run_id = t.run_id
  WHERE t.gid = ANY($1::text[]) AND ($2::text IS NULL OR t.open_owner = $2)
  ORDER BY t.gid, r.first`;

const specs = 'SELECT first, specs FROM registrations WHERE gid = $1';
const cut =
  'SELECT substr(payloads, $3, $4) AS bytes FROM registrations WHERE gid = $1 AND first = $2';
const result = 'SELECT result FROM results WHERE gid = $1';

/** Answered by the index of open work alone. */
export const dueText = `SELECT gid, next_at FROM transactions
  WHERE open_owner = $1 AND (next_at, gid) > ($2, $3) AND next_at <= $4
  ORDER BY next_at, gid LIMIT $5`;

type LoadRow = TransactionRow & {
  readonly first: number | null;
  readonly specs: string;
  readonly payloads: Uint8Array;
  readonly labels: LoadedRows['labels'] | null;
};

/** What rows say. */
export async function readFacts(
  session: Session,
  gids: readonly string[],
): Promise<ReadonlyMap<string, FactsRow>> {
  const rows = await session.read<FactsRow & { readonly gid: string }>(facts, [gids]);
  return new Map(rows.map((row) => [row.gid, row]));
}

/** Everything of transactions; with an owner only what is that one's and unfinished. */
export async function readTransactions(
  session: Session,
  gids: readonly string[],
  owner: string | undefined,
): Promise<readonly LoadedRows[]> {
  const found = new Map<string, LoadedRows & { readonly registrations: RegistrationRow[] }>();
  for (const row of await session.read<LoadRow>(load, [gids, owner ?? null])) {
    const { first, specs: texts, payloads, labels, ...transaction } = row;
    const rows = found.get(row.gid) ?? { transaction, registrations: [], labels: labels ?? [] };
    found.set(row.gid, rows);
    if (first !== null) rows.registrations.push({ first, specs: texts, payloads });
  }
  return [...found.values()];
}

/** What one branch sends, or undefined. Only its own bytes leave the server. */
export async function readPayloads(
  session: Session,
  gid: string,
  branchId: string,
): Promise<BranchPayloads | undefined> {
  for (const row of await session.read<Pick<RegistrationRow, 'first' | 'specs'>>(specs, [gid])) {
    const place = findPayload(row.specs, branchId);
    if (place === undefined) continue;
    const values = [gid, row.first, place.at + 1, place.length];
    const [bytes] = await session.read<{ readonly bytes: Uint8Array }>(cut, values);
    return bytes && payloadsOf(place.lengths, bytes.bytes);
  }
  return undefined;
}

/** The result of a decision, or undefined. */
export async function readResult(session: Session, gid: string): Promise<Uint8Array | undefined> {
  const [row] = await session.read<{ readonly result: Uint8Array }>(result, [gid]);
  return row?.result;
}

/** A place before all others: no gid is empty. */
const beginning = { nextAt: Number.MIN_SAFE_INTEGER, gid: '' };

/** A page of what is due. */
export async function readDue(
  session: Session,
  owner: string,
  query: DueQuery,
): Promise<readonly DueRow[]> {
  const { nextAt, gid } = query.after ?? beginning;
  // Who asks for everything says infinity, which no whole number is.
  const before = Math.min(query.before, Number.MAX_SAFE_INTEGER);
  return await session.read<DueRow>(dueText, [owner, nextAt, gid, before, query.limit]);
}
