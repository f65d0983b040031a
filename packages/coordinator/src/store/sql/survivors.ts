/**
 * Which changes of a batch can match what rows say now: the guards of the statements once more, in memory. For servers that
 * write a batch only where all of its guards match: what cannot match is left out, the rest is written again. The
 * statements decide all the same, what is left in is guarded as before.
 */
import { isFinished } from '@tercet/core';
import { type FactsRow, ROW_FORMAT } from '../rows/columns';
import type { BatchRows, DecideRow, ExtendRow, OpenRow, ProgressRow } from './batch-rows';

type Rows = Map<string, FactsRow>;

/** The waves without what cannot match, in view of `facts`; a wave sees what those before it have changed. */
export function survivorsOf(
  waves: readonly BatchRows[],
  facts: ReadonlyMap<string, FactsRow>,
  me: string,
): readonly BatchRows[] {
  const rows: Rows = new Map(facts);
  return waves.map((wave) => survivorsOfWave(wave, rows, me));
}

function survivorsOfWave(wave: BatchRows, rows: Rows, me: string): BatchRows {
  const opens = wave.opens.filter((open) => opened(open, rows, me));
  const extensions = wave.extensions.filter((extend) => extended(extend, rows, me));
  const decisions = wave.decisions.filter((decide) => decided(decide, rows, me));
  const progress = wave.progress.filter((change) => progressed(change, rows, me));
  const fences = wave.fences.filter((fence) => {
    const row = mine(rows, fence, me);
    if (row !== undefined) rows.set(fence.gid, { ...row, epoch: row.epoch + 1 });
    return row !== undefined;
  });
  const takes = wave.takes.filter((take) => {
    const row = mine(rows, take, take.owner);
    if (row === undefined || isFinished(row.status) || row.format > ROW_FORMAT) return false;
    rows.set(take.gid, { ...row, owner: me, epoch: row.epoch + 1 });
    return true;
  });
  const kept = new Set([...opens, ...extensions, ...decisions].map(({ gid }) => gid));
  const isKept = ({ gid }: { readonly gid: string }): boolean => kept.has(gid);
  const registrations = wave.registrations.filter(isKept);
  const labels = wave.labels.filter(isKept);
  const results = wave.results.filter(isKept);
  return { opens, extensions, registrations, labels, decisions, results, progress, fences, takes };
}

function opened({ gid, runId, branches, format }: OpenRow, rows: Rows, me: string): boolean {
  if (rows.has(gid)) return false;
  rows.set(gid, { owner: me, epoch: 1, run_id: runId, status: 'trying', branches, format });
  return true;
}

function extended(extend: ExtendRow, rows: Rows, me: string): boolean {
  const row = mine(rows, extend, me);
  if (row?.status !== 'trying' || row.branches !== extend.before) return false;
  rows.set(extend.gid, { ...row, branches: extend.branches });
  return true;
}

function decided(decide: DecideRow, rows: Rows, me: string): boolean {
  const row = mine(rows, decide, me);
  if (row?.status !== 'trying' || row.branches !== decide.branches) return false;
  rows.set(decide.gid, { ...row, status: decide.status });
  return true;
}

function progressed(change: ProgressRow, rows: Rows, me: string): boolean {
  const row = mine(rows, change, me);
  if (row === undefined || row.status !== change.from || row.branches !== change.branches) {
    return false;
  }
  rows.set(change.gid, { ...row, status: change.status });
  return true;
}

/** The row, where owner and epoch, and the run where one is named, are those of the change. */
function mine(
  rows: Rows,
  change: { readonly gid: string; readonly epoch: number; readonly runId?: string },
  me: string,
): FactsRow | undefined {
  const row = rows.get(change.gid);
  if (row === undefined || row.owner !== me || row.epoch !== change.epoch) return undefined;
  return change.runId === undefined || change.runId === row.run_id ? row : undefined;
}
