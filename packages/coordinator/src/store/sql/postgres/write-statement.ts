/** A wave of a batch as one statement: text and parameters. */
import { type BatchRows, guardedLists } from '../batch-rows';
import { BatchTooLarge, type WaveCounts } from '../sql-server';
import { ArrayWriter } from './binary-arrays';
import type { Step, StepResult } from './pipeline';
import { type ListName, type Part, listNames, parts } from './write-parts';

/** Parts that read what another one returned; where that one has no rows, nothing stands in its place. */
const readBy: Readonly<Partial<Record<ListName, readonly ListName[]>>> = {
  registrations: ['opens', 'extensions'],
  labels: ['opens'],
  results: ['decisions'],
};

const texts = new Map<string, string>();

/** What a row of a list takes on an average, bytes; only a first guess. */
const ROW_BYTES = 320;

/** The statement for the rows of a wave. Throws StoreFailure `data` where a column cannot hold its value. */
export function waveStep(wave: BatchRows, owner: string): Step {
  const lists = listNames.filter((list) => wave[list].length > 0);
  const rows = lists.reduce((sum, list) => sum + wave[list].length, 0);
  const writer = new ArrayWriter(ROW_BYTES * (rows + 1));
  const arrays = lists.flatMap((list) => arraysOf(wave, list, writer));
  return { text: waveText(lists), values: [owner, ...arrays] };
}

/** Its text, where these lists have rows: few combinations occur, and each is prepared once by a connection. */
export function waveText(lists: readonly ListName[]): string {
  const key = lists.join();
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = compose(lists);
  texts.set(key, text);
  return text;
}

/**
 * Throws {@link BatchTooLarge} where a statement with its parameters is larger than `bytesMax`. The server itself ends the
 * connection at 1 GiB, and holds what it reads several times.
 */
export function assertSendable(steps: readonly Step[], bytesMax: number): void {
  for (const { values } of steps) {
    const bytes = values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
    if (bytes <= bytesMax) continue;
    throw new BatchTooLarge(
      `a statement has ${bytes} bytes, and PostgreSQL is sent at most ${bytesMax} at once: lower batch-bytes-max`,
    );
  }
}

/** How many guards of each list matched. */
export function waveCounts(result: StepResult | undefined): WaveCounts {
  const [row] = result?.rows ?? [];
  const counts = guardedLists.map((list, i) => [list, Number(row?.[i] ?? 0)]);
  return Object.fromEntries(counts) as WaveCounts;
}

function compose(lists: readonly ListName[]): string {
  let parameter = 2;
  const withs = lists.flatMap((list) => {
    const part: Part<never> = parts[list];
    const missing = (readBy[list] ?? []).filter((other) => !lists.includes(other));
    const arrays = Object.values(part.columns).map(({ type }) => `$${parameter++}::${type}[]`);
    const names = Object.keys(part.columns).map((name) => `"${name}"`);
    const source = `unnest(${arrays.join(', ')}) AS u(${names.join(', ')})`;
    return [
      ...missing.map((other) => nothing(parts[other].name)),
      `${part.name} AS (${part.sql(source)})`,
    ];
  });
  const counts = guardedLists.map((list) =>
    lists.includes(list) ? `(SELECT count(*) FROM ${parts[list].name})` : '0',
  );
  const head = withs.length === 0 ? '' : `WITH ${[...new Set(withs)].join(',\n  ')}\n`;
  return `${head}SELECT ${counts.join(', ')}, $1::text`;
}

function nothing(name: string): string {
  return `${name} AS (SELECT NULL::text AS gid WHERE false)`;
}

function arraysOf<L extends ListName>(wave: BatchRows, list: L, writer: ArrayWriter): Buffer[] {
  const rows: readonly BatchRows[L][number][] = wave[list];
  const part: Part<BatchRows[L][number]> = parts[list];
  return Object.values(part.columns).map((column) => writer.array(rows, column));
}
