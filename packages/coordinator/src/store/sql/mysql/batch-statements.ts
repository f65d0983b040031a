/**
 * A batch → the statements of one transaction. Hand-written: this is the hot path.
 *
 * H1 Wherever other rows hang on a guard, every guard matches or nothing is written: an open that meets a row is a duplicate
 *    key; an update that branches or results hang on says how many rows it has to change. So what follows needs no guard of its
 *    own, and is one INSERT of many rows.
 * H2 Owner, epoch and run id stand in the guard of every change.
 * H3 Tables come in a fixed order, rows sorted by gid.
 */
import { ROW_FORMAT } from '../../rows/columns';
import type {
  BatchRows,
  DecideRow,
  ExtendRow,
  GuardedList,
  ProgressRow,
  TakeRow,
} from '../batch-rows';
import { bytes, text, whole, word } from './literals';
import { type Assignments, type Update, updatesOf } from './row-values';
import type { Step } from './transaction';

/** A statement of a batch. */
export interface BatchStatement extends Step {
  readonly wave: number;
  /** The list of which its count says how many rows matched. */
  readonly counts?: GuardedList;
}

/** The statements of the waves, in order. Throws StoreFailure `data`. */
export function batchStatements(
  waves: readonly BatchRows[],
  me: string,
): readonly BatchStatement[] {
  const owner = word(me);
  return waves.flatMap((rows, wave) => {
    return waveStatements(rows, owner).map((statement) => ({ ...statement, wave }));
  });
}

type Part = Omit<BatchStatement, 'wave'>;

function waveStatements(rows: BatchRows, owner: string): readonly Part[] {
  const carrying = new Set(rows.results.map(({ gid }) => gid));
  const carries = ({ gid }: DecideRow): boolean => carrying.has(gid);
  const withResult = carrying.size === 0 ? [] : rows.decisions.filter(carries);
  const without =
    carrying.size === 0 ? rows.decisions : rows.decisions.filter((row) => !carries(row));
  return [
    ...openAll(rows.opens, owner),
    ...asserted('extensions', extensions(rows.extensions, owner)),
    ...asserted('decisions', decisions(withResult, owner)),
    ...counted('decisions', decisions(without, owner)),
    ...counted('progress', progress(rows.progress, owner)),
    ...counted('fences', fences(rows.fences, owner)),
    ...counted('takes', takes(rows.takes, owner)),
    ...registerAll(rows.registrations),
    ...labelAll(rows.labels),
    ...keepResults(rows.results),
  ];
}

function counted(counts: GuardedList, updates: readonly Update[]): readonly Part[] {
  return updates.map(({ sql }) => ({ sql, counts }));
}

/** H1. Both changes that are asserted change their rows always: rows changed are rows matched. */
function asserted(counts: GuardedList, updates: readonly Update[]): readonly Part[] {
  return updates.map(({ sql, rows }) => ({ sql, counts, expects: rows }));
}

function openAll(rows: BatchRows['opens'], owner: string): readonly Part[] {
  if (rows.length === 0) return [];
  const values = rows.map((row) => {
    const deadline = whole(row.deadlineAt);
    return (
      `(${word(row.gid)},${word(row.runId)},${text(row.name)},'trying',${whole(row.branches)},` +
      `${owner},1,${owner},${deadline},${whole(row.openedAt)},${deadline},${whole(row.format)},` +
      `${text(row.details)},${text(row.states)})`
    );
  });
  const columns =
    'gid,run_id,name,status,branches,owner,epoch,open_owner,next_at,opened_at,deadline_at,format,details,states';
  const sql = `INSERT INTO transactions (${columns}) VALUES ${values.join(',')}`;
  return [{ sql, counts: 'opens' }];
}

const guard = {
  run_id: ({ runId }: { readonly runId: string }) => word(runId),
  epoch: ({ epoch }: { readonly epoch: number }) => whole(epoch),
};

function extensions(rows: readonly ExtendRow[], owner: string): readonly Update[] {
  return updatesOf<ExtendRow>({
    rows,
    set: { branches: (row) => whole(row.branches), states: (row) => text(row.states) },
    guard: { ...guard, branches: (row) => whole(row.before) },
    where: `owner=${owner} AND status='trying'`,
  });
}

const counting = { ...guard, branches: (row: { branches: number }) => whole(row.branches) };

function decisions(rows: readonly DecideRow[], owner: string): readonly Update[] {
  return grouped(rows, ({ status }) => status).flatMap(([status, group]) => {
    const ends = group[0]?.finishedAt !== null;
    return updatesOf<DecideRow>({
      rows: group,
      set: {
        status: () => text(status),
        decided_at: (row) => whole(row.decidedAt),
        cause: (row) => text(row.cause),
        reason: (row) => text(row.reason),
        states: (row) => text(row.states),
        ...(ends ? ending<DecideRow>((row) => row.finishedAt) : {}),
      },
      guard: counting,
      where: `owner=${owner} AND status='trying'`,
    });
  });
}

function progress(rows: readonly ProgressRow[], owner: string): readonly Update[] {
  return grouped(rows, ({ status }) => status).flatMap(([status, group]) => {
    const ends = group[0]?.finishedAt !== null;
    return updatesOf<ProgressRow>({
      rows: group,
      set: {
        states: (row) => text(row.states),
        ...(ends
          ? { status: () => text(status), ...ending<ProgressRow>((row) => row.finishedAt) }
          : { next_at: (row) => whole(row.nextAt) }),
      },
      guard: counting,
      where: `owner=${owner} AND status=${text(group[0]?.from ?? null)}`,
    });
  });
}

/** A finished row leaves the open work; `next_at` says when. */
function ending<T>(finishedAt: (row: T) => number | null): Assignments<T> {
  return { open_owner: () => 'NULL', next_at: (row) => whole(finishedAt(row)) };
}

function fences(rows: BatchRows['fences'], owner: string): readonly Update[] {
  return updatesOf<BatchRows['fences'][number]>({
    rows,
    set: { epoch: () => 'epoch+1' },
    guard: { epoch: (row) => whole(row.epoch) },
    where: `owner=${owner}`,
  });
}

function takes(rows: readonly TakeRow[], owner: string): readonly Update[] {
  return updatesOf<TakeRow>({
    rows,
    set: { owner: () => owner, open_owner: () => owner, epoch: () => 'epoch+1' },
    guard: { ...guard, owner: (row) => word(row.owner) },
    where: `open_owner IS NOT NULL AND format<=${ROW_FORMAT}`,
  });
}

function registerAll(rows: BatchRows['registrations']): readonly Part[] {
  return insert(
    'registrations (gid,first,run_id,specs,payloads)',
    rows.map(
      (row) =>
        `(${word(row.gid)},${whole(row.first)},${word(row.runId)},${text(row.specs)},${bytes(row.payloads)})`,
    ),
  );
}

function labelAll(rows: BatchRows['labels']): readonly Part[] {
  return insert(
    'labels (gid,name,value)',
    rows.map(({ gid, name, value }) => `(${word(gid)},${text(name)},${text(value)})`),
  );
}

function keepResults(rows: BatchRows['results']): readonly Part[] {
  return insert(
    'results (gid,result)',
    rows.map(({ gid, result }) => `(${word(gid)},${bytes(result)})`),
  );
}

function insert(into: string, values: readonly string[]): readonly Part[] {
  return values.length === 0 ? [] : [{ sql: `INSERT INTO ${into} VALUES ${values.join(',')}` }];
}

function grouped<T>(rows: readonly T[], by: (row: T) => string): readonly [string, readonly T[]][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(by(row));
    if (group === undefined) groups.set(by(row), [row]);
    else group.push(row);
  }
  return [...groups];
}
